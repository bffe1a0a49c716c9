/** Sends a slice to the `store` function and reads its frames as they come. */
import type { LambdaClient } from '@aws-sdk/client-lambda'
import { DomainError, isKind, LostError, ThrottledError } from '#lib/model/errors.ts'

export interface StoreInvoker {
  readonly functionName: string
  /** Made on first use, so that a query that needs no other function never loads the SDK. */
  readonly client: () => Promise<LambdaClient>
}

/** A client with the credentials and region of the function; retries are the asker's. */
export async function lambdaClient(): Promise<LambdaClient> {
  const { LambdaClient } = await import('@aws-sdk/client-lambda')
  return new LambdaClient({ maxAttempts: 1 })
}

/**
 * Yields the bytes of the answer. Rejects with 'unavailable' when another try may help (ThrottledError when no function
 * was free), 'limit' when it can't.
 */
export async function* invokeStore(
  { functionName, client }: StoreInvoker,
  event: unknown,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { InvokeWithResponseStreamCommand } = await import('@aws-sdk/client-lambda')
  const command = new InvokeWithResponseStreamCommand({
    FunctionName: functionName,
    Payload: new TextEncoder().encode(JSON.stringify(event)),
  })
  try {
    const response = await (await client()).send(command, signal ? { abortSignal: signal } : {})
    for await (const part of response.EventStream ?? []) {
      if (part.PayloadChunk?.Payload) yield part.PayloadChunk.Payload
      const failed = part.InvokeComplete?.ErrorCode
      if (failed) {
        throw lost(nameOf(functionName), failed, part.InvokeComplete?.ErrorDetails ?? '')
      }
    }
  } catch (error) {
    throw invokeError(nameOf(functionName), error, signal)
  }
}

/** Of a name or an ARN: who asks need not know the account. */
function nameOf(functionName: string): string {
  return /(?:^|:function:)([^:]+)(?::[^:]+)?$/.exec(functionName)?.[1] ?? functionName
}

/** A function that ended in any other way than by answering. */
function lost(name: string, code: string, details: string): LostError {
  if (/^Runtime\.(ExitError|OutOfMemory)/.test(code)) {
    return new LostError(
      `${name} ran out of memory or was killed (${code}); ask for fewer series or a shorter range, or give it more with storeMemoryMb`,
    )
  }
  if (/Time(d ?)?out/i.test(code)) {
    return new LostError(
      `${name} took longer than it may (${code}); ask for fewer series or a shorter range`,
    )
  }
  return new LostError(`${name}: ${code} ${details}`.trim())
}

function invokeError(asked: string, error: unknown, signal?: AbortSignal): unknown {
  if (error instanceof DomainError) return error
  if (signal?.aborted) {
    if (signal.reason instanceof DomainError) return signal.reason
    const kind = isTimeout(signal.reason) ? 'timeout' : 'canceled'
    return new DomainError(kind, `${asked}: ${kind}`, { cause: error })
  }
  const name = error instanceof Error ? error.name : 'error'
  const message = error instanceof Error ? error.message : String(error)
  if (name === 'TooManyRequestsException') {
    return new ThrottledError(`${asked}: ${name}: ${message}`, { cause: error })
  }
  const final = name === 'RequestTooLargeException' || name === 'RequestEntityTooLargeException'
  if (name === 'AccessDeniedException') {
    return new DomainError(
      'unauthorized',
      `${asked}: ${name}: ${message}, allow lambda:InvokeFunction on ${asked}`,
      { cause: error },
    )
  }
  const kind = final
    ? 'limit'
    : name === 'ResourceNotFoundException'
      ? 'unauthorized'
      : 'unavailable'
  return new DomainError(kind, `${asked}: ${name}: ${message}`, { cause: error })
}

function isTimeout(reason: unknown): boolean {
  return (
    isKind(reason, 'timeout') || (reason instanceof DOMException && reason.name === 'TimeoutError')
  )
}
