/** What AWS says of a stack: functions, queues and quotas, by an HTTP server that answers as Lambda and SQS do. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { synthesize } from '#test/infra/synthesized.ts'
import { doctor } from './installation.ts'

interface Account {
  concurrency: number
  /** What Lambda says of each function; undefined: there is none. */
  functions: Record<string, Record<string, unknown> | undefined>
  reserved: Record<string, number>
  dead: number
  /** Answered to all. */
  denied: boolean
}

const NAMES = ['query', 'store', 'plan', 'compact', 'rule'].map((name) => `thaw-${name}`)
const OBJSTORE = 'type: S3\nconfig:\n  bucket: metrics\n  region: us-east-1\n'

let account: Account
let stop: () => Promise<unknown>

beforeEach(async () => {
  const well = { State: 'Active', LastUpdateStatus: 'Successful' }
  const environment = { Environment: { Variables: { THAW_OBJSTORE_CONFIG: OBJSTORE } } }
  account = {
    concurrency: 1000,
    functions: Object.fromEntries(NAMES.map((name) => [name, { ...well, ...environment }])),
    reserved: {},
    dead: 0,
    denied: false,
  }
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const target = String(request.headers['x-amz-target'] ?? '')
      const [status, body] = answerOf(request.url ?? '', target, Buffer.concat(parts).toString())
      const failed = status < 300 ? {} : { 'x-amzn-errortype': String(body['__type']) }
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', ...failed })
      response.end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  vi.stubEnv('AWS_ENDPOINT_URL', url)
  vi.stubEnv('AWS_REGION', 'us-east-1')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAKEY')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'very-secret')
  stop = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await stop()
})

/** Names of functions and queues. */
const asked = new Set<string>()

type Answer = readonly [status: number, body: Record<string, unknown>]

function answerOf(url: string, target: string, body: string): Answer {
  const { concurrency, functions, reserved, dead, denied } = account
  if (denied) return [403, { __type: 'AccessDeniedException', message: 'you may not' }]
  if (target === 'AmazonSQS.GetQueueUrl') {
    const { QueueName } = JSON.parse(body) as { readonly QueueName: string }
    asked.add(QueueName)
    return [200, { QueueUrl: `${process.env['AWS_ENDPOINT_URL']}/1/${QueueName}` }]
  }
  if (target === 'AmazonSQS.GetQueueAttributes') {
    const messages = body.includes('/thaw-dead-jobs') ? dead : 3
    const none = { ApproximateNumberOfMessagesNotVisible: '0' }
    return [200, { Attributes: { ApproximateNumberOfMessages: String(messages), ...none } }]
  }
  if (url.includes('account-settings')) {
    const limit = { ConcurrentExecutions: concurrency, UnreservedConcurrentExecutions: concurrency }
    return [200, { AccountLimit: limit }]
  }
  const name = /functions\/([\w-]+)\//.exec(url)?.[1] ?? ''
  asked.add(name)
  const about = functions[name]
  if (!about) return [404, { __type: 'ResourceNotFoundException', message: 'no such function' }]
  if (url.includes('/concurrency')) return [200, { ReservedConcurrentExecutions: reserved[name] }]
  return [200, { FunctionName: name, ...about }]
}

async function told(): Promise<string[]> {
  const { out, findings } = await doctor({ stack: 'thaw' })
  expect(out).not.toContain('very-secret')
  return findings
    .filter(({ part, level }) => part === 'stack' && level !== 'ok')
    .map(({ level, check, text, seen = [], next = '' }) =>
      [`${level} ${check}: ${text}`, ...seen, next].join('\n'),
    )
}

describe('thaw doctor --stack', () => {
  it('asks for what the stack has', async () => {
    await told()
    const { Resources } = synthesize().toJSON() as {
      readonly Resources: Readonly<Record<string, { readonly Properties?: object }>>
    }
    const names = Object.values(Resources).flatMap(({ Properties = {} }) => [
      (Properties as { FunctionName?: unknown }).FunctionName,
      (Properties as { QueueName?: unknown }).QueueName,
    ])
    expect(names).toEqual(expect.arrayContaining([...asked]))
    expect([...asked].sort()).toEqual([...NAMES, 'thaw-dead-jobs', 'thaw-jobs'].sort())
  })

  it('finds nothing wrong with a stack that is well', async () => {
    expect(await told()).toEqual([])
    const { findings } = await doctor({ stack: 'thaw' })
    expect(findings.filter(({ part }) => part === 'stack').map(({ text }) => text)).toEqual([
      'the 5 functions of thaw are active',
      'the account runs 1000 functions at one time',
      'no job failed for good, 3 are in the queue',
    ])
  })

  it.each<[string, () => void, RegExp]>([
    [
      'the quota of a new account',
      () => (account.concurrency = 10),
      /^warning concurrency: the account runs 10 functions at one time \(a new account\), and one large query wants up to 64 beside the others: they wait for each other\nask for more, it costs nothing: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384/,
    ],
    [
      'a function that is not there',
      () => (account.functions['thaw-rule'] = undefined),
      /^wrong functions: functions of the stack thaw are not there\nthaw-rule\ncorrect --stack \(context stackName\) or AWS_REGION, or deploy: npx cdk deploy$/,
    ],
    [
      'a function whose update failed',
      () =>
        (account.functions['thaw-plan'] = {
          State: 'Active',
          LastUpdateStatus: 'Failed',
          LastUpdateStatusReason: 'The role is not there',
        }),
      /^wrong functions: a function does not work as it was deployed\nthaw-plan: The role is not there\ndeploy again: npx cdk deploy$/,
    ],
    [
      'a function that is throttled to nothing',
      () => (account.reserved['thaw-compact'] = 0),
      /^wrong functions: a function is throttled to nothing: its reserved concurrency is 0\nthaw-compact\naws lambda delete-function-concurrency --function-name thaw-compact$/,
    ],
    [
      'jobs that failed for good',
      () => (account.dead = 2),
      /^wrong dead letters: 2 jobs failed three times\nthe log of the compact function says why/,
    ],
    [
      'no right to look',
      () => (account.denied = true),
      /^wrong functions: the stack thaw can't be looked at: (lambda|sqs):.*AccessDeniedException.*\nthe doctor needs lambda:GetAccountSettings/,
    ],
  ])('names %s', async (_, ail, expected) => {
    ail()
    const all = await told()
    expect(all).toHaveLength(1)
    expect(all[0]).toMatch(expected)
  })
})
