"""Moto's server, with what its CloudFormation lacks (5.2.1).

Of Lambda: aliases, and what `Ref` and `Fn::GetAtt` of a version are. Of stacks: it made what is new before it changed what was there, so that a version was of the code before;
it knew no outputs of what a change set had made, took the value of a parameter of SSM for its name when a stack was changed, and had its own word for a change set that is not there.
"""

import sys
from contextlib import suppress

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaVersion, lambda_backends
from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.cloudformation.parsing import ResourceMap, parse_and_update_resource
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


def change(self, template, parameters=None):
    """Each resource after those that it needs, and what is gone at the end."""
    changes = self.build_resource_diff(template, parameters)
    gone = [(self._parsed_resources.get(name), self._resource_json_map[name]) for name in changes["Remove"]]
    self._template = template
    self._resource_json_map = template["Resources"]
    self.input_parameters = parameters or self.input_parameters
    self.load_mapping()
    self.load_parameters()
    self.load_conditions()
    for name in self._ResourceMap__get_resources_in_dependency_order():
        if name in changes["Modify"]:
            self._parsed_resources[name] = parse_and_update_resource(
                name, template["Resources"][name], self, self._account_id, self._region_name
            )
        else:
            _ = self[name]
    for resource, was in gone:
        if resource is not None and was.get("DeletionPolicy") != "Retain":
            self._delete_resource(resource, was)


ResourceMap.update = change


class ChangeSetNotFound(CloudFormationError):
    code = "ChangeSetNotFound"


describe_change_set = CloudFormationBackend.describe_change_set


def describe_or_say_so(self, change_set_name):
    try:
        return describe_change_set(self, change_set_name)
    except ValidationError as error:
        raise ChangeSetNotFound(f"ChangeSet [{change_set_name}] does not exist") from error


CloudFormationBackend.describe_change_set = describe_or_say_so

execute_change_set = CloudFormationBackend.execute_change_set


def execute_with_outputs(self, change_set_name, stack_name=None):
    change_set = self.describe_change_set(change_set_name)
    execute_change_set(self, change_set_name, stack_name)
    stack = change_set.stack
    stack._parse_template()
    stack.parameters = change_set.parameters
    stack.output_map = stack._create_output_map()


CloudFormationBackend.execute_change_set = execute_with_outputs

# As they were given, or by default.
Stack.stack_parameters = property(
    lambda self: {
        name: self.parameters.get(name, declared.get("Default"))
        for name, declared in self.template_dict.get("Parameters", {}).items()
    }
)


if __name__ == "__main__":
    # Only now: its import reads the models that there are.
    from moto.server import main

    sys.exit(main())
