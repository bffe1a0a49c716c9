"""Moto's server, with what its CloudFormation lacks of Lambda (5.2.1): aliases, and what `Ref` and `Fn::GetAtt` of a version are.

Moto makes what is new in a template before it changes what was there, so after an update its version is of the code before: which code is live is not to be learned here.
"""

import sys
from contextlib import suppress

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaVersion, lambda_backends
from moto.core.common_models import CloudFormationModel


def publish(cls, _name, template, account_id, region_name, **_):
    function = lambda_backends[account_id][region_name].publish_version(
        template["Properties"]["FunctionName"]
    )
    version = cls({"Version": function.version})
    version.arn = f"{function.function_arn.removesuffix(f':{function.version}')}:{function.version}"
    return version


# Those that a stack has no more are kept, as their deletion policy says.
LambdaVersion.create_from_cloudformation_json = classmethod(publish)
LambdaVersion.physical_resource_id = property(lambda self: self.arn, lambda *_: None)
LambdaVersion.get_cfn_attribute = lambda self, attribute: {
    "Version": str(self.version),
    "FunctionArn": self.arn,
}[attribute]


class Alias(CloudFormationModel):
    # Moto finds the service of a model by the module it is of.
    __module__ = LambdaVersion.__module__

    def __init__(self, alias, function_name):
        self.alias = alias
        self.function_name = function_name

    @property
    def physical_resource_id(self):
        return self.alias.arn

    @staticmethod
    def cloudformation_name_type():
        return ""

    @staticmethod
    def cloudformation_type():
        return "AWS::Lambda::Alias"

    @classmethod
    def create_from_cloudformation_json(cls, _name, template, account_id, region_name, **_):
        it = template["Properties"]
        backend = lambda_backends[account_id][region_name]
        made = backend.create_alias(it["Name"], it["FunctionName"], it["FunctionVersion"], "", "")
        return cls(made, it["FunctionName"])

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        it = cloudformation_json["Properties"]
        lambda_backends[account_id][region_name].update_alias(
            it["Name"], it["FunctionName"], it["FunctionVersion"], None, None
        )
        return original_resource

    def delete(self, account_id, region_name):
        # In any order: where the function went before, its aliases went with it.
        with suppress(UnknownFunctionException):
            lambda_backends[account_id][region_name].delete_alias(
                self.alias.name, self.function_name
            )


if __name__ == "__main__":
    # Only now: its import reads the models that there are.
    from moto.server import main

    sys.exit(main())
