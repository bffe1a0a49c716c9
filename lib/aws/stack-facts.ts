/** What AWS knows of the functions and the queue of a deployed stack. */
import { DomainError } from '#lib/model/errors.ts'

export interface FunctionFacts {
  readonly name: string
  /** `Active`, `Pending`, `Inactive`, `Failed`; undefined where there is no such function. */
  readonly state?: string | undefined
  readonly stateReason?: string | undefined
  /** `Failed` where its last update did not come through. */
  readonly lastUpdate?: string | undefined
  /** Reserved for it; 0: it never runs. */
  readonly reserved?: number | undefined
  readonly environment: Readonly<Record<string, string>>
}

export interface AccountFacts {
  /** Functions that run at one time, and how many of them nobody has reserved. */
  readonly concurrency: number
  readonly unreserved: number
}

export interface StackFacts {
  readonly functions: readonly FunctionFacts[]
  /** What the account may run, or why that is not known. */
  readonly account: AccountFacts | { readonly failed: string }
  /** Messages: of jobs that wait or are under way, and of those that failed three times. */
  readonly queued: number
  readonly dead: number
}

/** `<stack>-<name>`. */
const FUNCTIONS = ['query', 'store', 'plan', 'compact', 'rule']

/** With the credentials and region of this machine. Rejects with the name of the call that failed. */
export async function stackFacts(stack: string, signal: AbortSignal): Promise<StackFacts> {
  const [lambda, queues] = await Promise.all([
    lambdaFacts(stack, signal),
    queueFacts(stack, signal),
  ])
  return { ...lambda, ...queues }
}

async function lambdaFacts(
  stack: string,
  abortSignal: AbortSignal,
): Promise<Pick<StackFacts, 'functions' | 'account'>> {
  const {
    GetAccountSettingsCommand,
    GetFunctionConcurrencyCommand,
    GetFunctionConfigurationCommand,
    LambdaClient,
  } = await import('@aws-sdk/client-lambda')
  const client = new LambdaClient({ maxAttempts: 2 })
  const functionFacts = async (name: string): Promise<FunctionFacts> => {
    const FunctionName = `${stack}-${name}`
    try {
      const [about, { ReservedConcurrentExecutions: reserved }] = await Promise.all([
        client.send(new GetFunctionConfigurationCommand({ FunctionName }), { abortSignal }),
        client.send(new GetFunctionConcurrencyCommand({ FunctionName }), { abortSignal }),
      ])
      return {
        name: FunctionName,
        // Those of long ago say nothing of it, and are active.
        state: about.State ?? 'Active',
        stateReason: about.LastUpdateStatusReason ?? about.StateReason,
        lastUpdate: about.LastUpdateStatus,
        reserved,
        environment: about.Environment?.Variables ?? {},
      }
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') {
        return { name: FunctionName, environment: {} }
      }
      throw awsError('lambda:GetFunctionConfiguration', error)
    }
  }
  const accountFacts = async (): Promise<StackFacts['account']> => {
    try {
      const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}), { abortSignal })
      return {
        concurrency: AccountLimit?.ConcurrentExecutions ?? 0,
        unreserved: AccountLimit?.UnreservedConcurrentExecutions ?? 0,
      }
    } catch (error) {
      return { failed: awsError('lambda:GetAccountSettings', error).message }
    }
  }
  try {
    const [functions, account] = await Promise.all([
      Promise.all(FUNCTIONS.map(functionFacts)),
      accountFacts(),
    ])
    return { functions, account }
  } finally {
    client.destroy()
  }
}

async function queueFacts(
  stack: string,
  abortSignal: AbortSignal,
): Promise<Pick<StackFacts, 'queued' | 'dead'>> {
  const { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } =
    await import('@aws-sdk/client-sqs')
  const client = new SQSClient({ maxAttempts: 2 })
  const messages = async (QueueName: string): Promise<number> => {
    try {
      const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName }), { abortSignal })
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl,
          AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
        }),
        { abortSignal },
      )
      return Object.values(Attributes).reduce((sum, text) => sum + Number(text), 0)
    } catch (error) {
      throw awsError(`sqs:GetQueueAttributes of ${QueueName}`, error)
    }
  }
  try {
    const [queued, dead] = await Promise.all([
      messages(`${stack}-jobs`),
      messages(`${stack}-dead-jobs`),
    ])
    return { queued, dead }
  } finally {
    client.destroy()
  }
}

function awsError(call: string, error: unknown): DomainError {
  if (error instanceof DomainError) return error
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  // The SDK puts hints of its own on lines behind the service's sentence.
  const text = message.split('\n', 1)[0]!
  const said = name === 'SyntaxError' ? 'what answers there is no AWS' : text
  const kind = name === 'Error' || name === 'SyntaxError' ? '' : `${name}: `
  return new DomainError('unavailable', `${call}: ${kind}${said}`, { cause: error })
}
