/**
 * What AWS does in the name of a function's role, where no request of the function is seen. Sources: Lambda's developer guide on sending
 * function logs to CloudWatch, and on the execution role of an SQS event source mapping.
 */
import type { Cloud } from '#localstack/cloud/embedded-cloud.ts'
import { functionNameOf } from '#localstack/cloud/function-name.ts'
import type { Deed } from './allowance.ts'
import { logGroupArn } from './template-roles.ts'

/** Of functions that ran, or wrote something (`logged` has their names), or got messages, in this cloud. */
export function serviceDeeds(cloud: Cloud, logged: ReadonlySet<string>): Map<string, Deed[]> {
  const deeds = new Map<string, Deed[]>()
  const counts = cloud.stats()
  for (const { name } of cloud.assembly.functions) {
    const own: Deed[] = []
    const stream = `${logGroupArn(name)}:log-stream:one`
    if (counts[name]!.coldStarts > 0) own.push({ action: 'logs:CreateLogStream', on: stream })
    if (logged.has(name)) own.push({ action: 'logs:PutLogEvents', on: stream })
    deeds.set(name, own)
  }
  for (const { queueName, functionName } of cloud.assembly.eventSources) {
    const name = functionNameOf(functionName)
    const queue = cloud.queue(queueName)
    const took = counts[name]!.invokes > 0
    const actions = ['sqs:GetQueueAttributes', ...(took ? ['sqs:ReceiveMessage'] : [])]
    // What was handled is gone.
    if (took && queue.size === 0) actions.push('sqs:DeleteMessage')
    deeds.get(name)!.push(...actions.map((action) => ({ action, on: queue.spec.arn })))
  }
  return deeds
}
