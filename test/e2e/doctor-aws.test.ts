/** `thaw doctor --stack` of an account that is new, throttled, or not its own: MiniStack has the functions, queues, quotas and rights. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { doctor } from '#test/cli/doctor/installation.ts'
import { command, isMissing } from '#test/peer/cache.ts'
import { findMiniStack, type MiniStackServer, startMiniStack } from '#test/peer/ministack.ts'
import { findMoto, type Moto } from '#test/peer/moto.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'

const [miniStack, moto] = await Promise.all([findMiniStack(), findMoto()])
const missing = [miniStack, moto].find(isMissing)

const ACCOUNT = `
import io, zipfile
code = io.BytesIO()
zipfile.ZipFile(code, 'w').writestr('index.js', 'exports.handler = async () => ({})')
iam, aws = boto3.client('iam'), boto3.client('lambda')
policy = lambda **it: json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', **it}]})
role = 'arn:aws:iam::000000000000:role/thaw'
def make(name, bucket='metrics'):
    environment = {'Variables': {'THAW_OBJSTORE_CONFIG': f'type: S3\\nconfig:\\n  bucket: {bucket}\\n'}}
    aws.create_function(FunctionName=name, Runtime='nodejs22.x', Role=role, Handler='index.handler',
                        Code={'ZipFile': code.getvalue()}, Environment=environment)
`
/** All functions but `rule`; and a user who may nothing but use buckets. */
const BEGIN = `
trust = policy(Action='sts:AssumeRole', Principal={'Service': 'lambda.amazonaws.com'})
iam.create_role(RoleName='thaw', AssumeRolePolicyDocument=trust)
boto3.client('s3').create_bucket(Bucket='metrics')
for name in ['query', 'store', 'plan', 'compact']: make(f'thaw-{name}')
for name in ['jobs', 'dead-jobs']: boto3.client('sqs').create_queue(QueueName=f'thaw-{name}')
iam.create_user(UserName='looker')
iam.put_user_policy(UserName='looker', PolicyName='p', PolicyDocument=policy(Action='s3:*', Resource='*'))
print(json.dumps(iam.create_access_key(UserName='looker')['AccessKey'], default=str))
`

let server: MiniStackServer
let looker: { readonly AccessKeyId: string; readonly SecretAccessKey: string }

async function python(script: string): Promise<string> {
  return command((moto as Moto).python, ['-c', `import boto3, json\n${script}`], {
    env: server.env,
  })
}

/** Of the stack. */
async function told(keys: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const config = {
    bucket: 'metrics',
    endpoint: server.url,
    region: 'us-east-1',
    access_key: 'test',
    secret_key: 'test',
    http_config: { tls_config: { ca_file: server.certificate } },
    ...keys,
  }
  const yaml = JSON.stringify({ type: 'S3', config })
  const { out, findings } = await doctor({
    'objstore.config': yaml,
    stack: 'thaw',
    'answer-timeout': '30s',
  })
  expect(out).not.toMatch(/ {4}at |<\w+>/)
  expect(out).not.toContain(looker.SecretAccessKey)
  return findings
    .filter(({ part, level }) => part === 'stack' && level !== 'ok')
    .map(({ level, check, text, seen = [], next = '' }) =>
      [`${level} ${check}: ${text}`, ...seen, next].join('\n'),
    )
}

const NEW_ACCOUNT =
  /^warning concurrency: the account runs 10 functions at one time \(a new account\), and one large query wants up to 64 beside the others: they wait for each other\nask for more, it costs nothing: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384/

if (missing) describeSkipped('thaw doctor of an account', missing)
else {
  describe('thaw doctor --stack', () => {
    beforeAll(async () => {
      if (isMissing(miniStack)) return
      server = await startMiniStack(miniStack, { LAMBDA_ACCOUNT_CONCURRENCY: '10' })
      looker = JSON.parse(await python(ACCOUNT + BEGIN)) as typeof looker
      for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
      // The SDK's own clients here trust what NODE_EXTRA_CA_CERTS names at the start of a process.
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    }, 120_000)
    afterAll(async () => {
      vi.unstubAllEnvs()
      await server?.stop()
    })

    it('names a function that is not there, and the quota of a new account', async () => {
      expect(await told()).toEqual([
        'wrong functions: functions of the stack thaw are not there\nthaw-rule\ncorrect --stack (context stackName) or AWS_REGION, or deploy: npx cdk deploy',
        expect.stringMatching(NEW_ACCOUNT),
      ])
    })

    it('names one that is throttled to nothing, as Lambda then answers', async () => {
      const answer = await python(`${ACCOUNT}
make('thaw-rule')
aws.put_function_concurrency(FunctionName='thaw-compact', ReservedConcurrentExecutions=0)
try: aws.invoke(FunctionName='thaw-compact')
except Exception as error: print(error.response['Error']['Code'])
`)
      expect(answer.trim()).toBe('TooManyRequestsException')
      expect(await told()).toEqual([
        'wrong functions: a function is throttled to nothing: its reserved concurrency is 0\nthaw-compact\naws lambda delete-function-concurrency --function-name thaw-compact',
        expect.stringMatching(NEW_ACCOUNT),
      ])
      await python(
        `boto3.client('lambda').delete_function_concurrency(FunctionName='thaw-compact')`,
      )
    })

    it('names what is reserved, another bucket, and jobs that failed for good', async () => {
      await python(`
aws, queues = boto3.client('lambda'), boto3.client('sqs')
aws.put_function_concurrency(FunctionName='thaw-plan', ReservedConcurrentExecutions=4)
environment = {'Variables': {'THAW_OBJSTORE_CONFIG': 'type: S3\\nconfig:\\n  bucket: others\\n'}}
aws.update_function_configuration(FunctionName='thaw-rule', Environment=environment)
queues.send_message(QueueUrl=queues.get_queue_url(QueueName='thaw-dead-jobs')['QueueUrl'], MessageBody='{}')
`)
      expect(await told()).toEqual([
        expect.stringMatching(
          /^wrong bucket: functions work on another bucket than metrics\nthaw-rule: others\nname the bucket of the stack/,
        ),
        expect.stringMatching(
          /^warning concurrency: the account runs 10 functions at one time \(a new account\), of which 4 are reserved for single functions, and one large query/,
        ),
        expect.stringMatching(
          /^wrong dead letters: 1 job failed three times\nthe log of the compact/,
        ),
      ])
    })

    it('names the rights that it lacks', async () => {
      const { AccessKeyId, SecretAccessKey } = looker
      vi.stubEnv('AWS_ACCESS_KEY_ID', AccessKeyId)
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', SecretAccessKey)
      const all = await told({ access_key: AccessKeyId, secret_key: SecretAccessKey })
      expect(all).toEqual([
        expect.stringMatching(
          /^wrong functions: the stack thaw can't be looked at: (lambda|sqs):\w+.*: AccessDenied\w*: User: \S+user\/looker is not authorized to perform: .*\nthe doctor needs lambda:GetAccountSettings, lambda:GetFunctionConfiguration/,
        ),
      ])
    })
  })
}
