"""MiniStack, with three things righted that AWS has otherwise (1.5.33).

Its CloudFormation refuses alarms on an expression over metrics: the alarm is made on the first of the metrics. It asks for
`sqs:SendMessageBatch`, an action that IAM does not know: `sqs:SendMessage` is the right to send several too. And it takes an invocation
with a response stream for something else than `lambda:InvokeFunction`.
"""

from ministack.core import iam_actions

action_of = iam_actions.extract_iam_action


def as_iam_names_it(*args, **kwargs):
    action = action_of(*args, **kwargs)
    return "sqs:SendMessage" if action == "sqs:SendMessageBatch" else action


iam_actions.extract_iam_action = as_iam_names_it

lambda_action = iam_actions._lambda_action


def as_lambda_names_it(method, path):
    return lambda_action(method, path.replace("/response-streaming-invocations", "/invocations"))


iam_actions._lambda_action = as_lambda_names_it

from ministack.services.cloudformation import provisioners  # noqa: E402

alarm_record = provisioners._cw_metric_alarm_record


def of_first_metric(name, props):
    stats = [one["MetricStat"] for one in props.get("Metrics") or [] if "MetricStat" in one]
    if not stats:
        return alarm_record(name, props)
    plain = {key: value for key, value in props.items() if key != "Metrics"}
    return alarm_record(name, {**plain, **stats[0]["Metric"], "Statistic": stats[0]["Stat"]})


provisioners._cw_metric_alarm_record = of_first_metric

from ministack.app import main  # noqa: E402

main()
