"""MiniStack, with four things righted that AWS has otherwise (1.5.33).

Its CloudFormation refuses alarms on an expression over metrics: the alarm is made on the first of the metrics. It asks for
`sqs:SendMessageBatch`, an action that IAM does not know: `sqs:SendMessage` is the right to send several too. It takes an invocation
with a response stream for something else than `lambda:InvokeFunction`. And its Node has no `awslambda`, without which a function that
streams can't be loaded: it has one here, whose bytes go out when the function has ended.
"""

from base64 import b64decode

from ministack.core import iam_actions, lambda_runtime

action_of = iam_actions.extract_iam_action


def as_iam_names_it(*args, **kwargs):
    action = action_of(*args, **kwargs)
    return "sqs:SendMessage" if action == "sqs:SendMessageBatch" else action


iam_actions.extract_iam_action = as_iam_names_it

lambda_action = iam_actions._lambda_action


def as_lambda_names_it(method, path):
    return lambda_action(method, path.replace("/response-streaming-invocations", "/invocations"))


iam_actions._lambda_action = as_lambda_names_it

# The worker answers in a line of JSON.
STREAMED = "streamedBase64"

lambda_runtime._NODEJS_WORKER_SCRIPT = (
    """
globalThis.awslambda = {
  streamifyResponse: (handler) => async (event, context) => {
    const chunks = []
    const { Writable } = require('node:stream')
    const write = (chunk, encoding, done) => { chunks.push(Buffer.from(chunk, encoding)); done() }
    await handler(event, new Writable({ write }), context)
    return { STREAMED: Buffer.concat(chunks).toString('base64') }
  },
}
""".replace("STREAMED", STREAMED)
    + lambda_runtime._NODEJS_WORKER_SCRIPT
)

invoke = lambda_runtime.Worker.invoke


def with_streamed_bytes(self, *args, **kwargs):
    answer = invoke(self, *args, **kwargs)
    result = answer.get("result")
    if isinstance(result, dict) and STREAMED in result:
        return {**answer, "result": b64decode(result[STREAMED])}
    return answer


lambda_runtime.Worker.invoke = with_streamed_bytes

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
