/** Whether the functions of a stack are well, and whether the account lets them run side by side. */
import type { FunctionFacts, StackFacts } from '#lib/aws/stack-facts.ts'
import { type Finding, type Known, some, verdicts } from './finding.ts'

export function judgeStack(
  stack: Known<StackFacts>,
  { name, bucket }: { readonly name: string; readonly bucket: string | undefined },
): readonly Finding[] {
  const { wrong } = verdicts('stack', 'functions')
  if ('failed' in stack) {
    return [
      wrong(`the stack ${name} can't be looked at: ${stack.failed}`, {
        next: 'the doctor needs lambda:GetAccountSettings, lambda:GetFunctionConfiguration, lambda:GetFunctionConcurrency, sqs:GetQueueUrl and sqs:GetQueueAttributes, and AWS_REGION of the stack, with AWS credentials of its account',
      }),
    ]
  }
  const { value } = stack
  return [
    judgeFunctions(value.functions, name),
    ...(bucket === undefined ? [] : [judgeBuckets(value.functions, bucket)]),
    judgeConcurrency(value),
    judgeDead(value),
  ]
}

function judgeFunctions(functions: readonly FunctionFacts[], stack: string): Finding {
  const { ok, wrong } = verdicts('stack', 'functions')
  const missing = functions.filter(({ state }) => state === undefined)
  if (missing.length > 0) {
    return wrong(`functions of the stack ${stack} are not there`, {
      seen: missing.map(({ name }) => name),
      next: 'correct --stack (context stackName) or AWS_REGION, or deploy: npx cdk deploy',
    })
  }
  const ill = functions.filter(
    ({ state, lastUpdate }) => state === 'Failed' || lastUpdate === 'Failed',
  )
  if (ill.length > 0) {
    return wrong('a function does not work as it was deployed', {
      seen: ill.map(
        (one) =>
          `${one.name}: ${one.stateReason ?? `state ${one.state}, last update ${one.lastUpdate}`}`,
      ),
      next: 'deploy again: npx cdk deploy',
    })
  }
  const off = functions.filter(({ reserved }) => reserved === 0)
  if (off.length > 0) {
    return wrong('a function is throttled to nothing: its reserved concurrency is 0', {
      seen: off.map(({ name }) => name),
      next: `aws lambda delete-function-concurrency --function-name ${off[0]!.name}`,
    })
  }
  return ok(`the ${functions.length} functions of ${stack} are active`)
}

function judgeBuckets(functions: readonly FunctionFacts[], bucket: string): Finding {
  const { ok, wrong } = verdicts('stack', 'bucket')
  const others = functions.flatMap(({ name, environment }) => {
    const own = bucketOf(environment['THAW_OBJSTORE_CONFIG'] ?? '')
    return own === undefined || own === bucket ? [] : [`${name}: ${own}`]
  })
  if (others.length === 0) return ok(`the functions work on ${bucket}`)
  return wrong(`functions work on another bucket than ${bucket}`, {
    seen: some(others),
    next: 'name the bucket of the stack (output BucketName) in the configuration of the agents, or context bucket of the stack',
  })
}

/** The YAML of the stack is its own; of one that somebody else wrote nothing is said here. */
function bucketOf(yaml: string): string | undefined {
  return /^\s+bucket: ["']?([\w.-]+)/m.exec(yaml)?.[1]
}

/** Of the query function, where it does not say. */
const MAX_SLICES = 64
/** What plan, rule, compact and authorize take at the same time. */
const OTHERS = 10

function judgeConcurrency({ account, functions }: StackFacts): Finding {
  const { ok, warning, unchecked } = verdicts('stack', 'concurrency')
  if ('failed' in account) return unchecked(`Lambda does not say: ${account.failed}`)
  const { concurrency, unreserved } = account
  const slices =
    functions
      .map(({ environment }) => Number(environment['THAW_MAX_SLICES']))
      .find((count) => count > 0) ?? MAX_SLICES
  const wanted = slices + OTHERS
  if (unreserved >= wanted) return ok(`the account runs ${concurrency} functions at one time`)
  const isNew = concurrency <= 10 ? ' (a new account)' : ''
  const kept = concurrency - unreserved
  const reserved = kept > 0 ? `, of which ${kept} are reserved for single functions` : ''
  return warning(
    `the account runs ${concurrency} functions at one time${isNew}${reserved}, and one large query wants up to ${slices} beside the others: they wait for each other`,
    {
      next: 'ask for more, it costs nothing: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000',
    },
  )
}

function judgeDead({ queued, dead }: StackFacts): Finding {
  const { ok, wrong } = verdicts('stack', 'dead letters')
  if (dead === 0) return ok(`no job failed for good, ${queued} are in the queue`)
  return wrong(`${dead} ${dead === 1 ? 'job' : 'jobs'} failed three times`, {
    next: 'the log of the compact function says why; plan sends them again while they make sense, and thaw bucket compact does them here and shows what fails; then purge the queue of dead letters',
  })
}
