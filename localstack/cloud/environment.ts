/** One execution environment: a process that runs a function's bundle under Lambda's runtime client, one request at a time. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import type { FunctionSpec } from './assembly.ts'
import type { Keeper } from './keeper.ts'
import { LIMITS } from './limits.ts'
import { LogLines } from './log-lines.ts'
import type { LogSink } from './log-lines.ts'
import { cpuMsOf, MemoryWatch } from './memory.ts'
import { RuntimeApi } from './runtime-api.ts'
import type { AnswerFacts, FunctionFailure } from './runtime-api.ts'

export interface EnvironmentOptions {
  readonly spec: FunctionSpec
  readonly environment: Readonly<Record<string, string>>
  readonly keeper: Keeper
  readonly log: LogSink
}

export interface InvokeRequest {
  readonly requestId: string
  readonly payload: Uint8Array
  /** The caller takes pieces as they come; otherwise the answer has the limit of a buffered one. */
  readonly streaming: boolean
  /** Of a type that the function named; the next piece waits until this one is taken. */
  readonly write: (chunk: Uint8Array, contentType: string) => void | Promise<void>
}

export interface InvokeEnd {
  readonly failure: FunctionFailure | undefined
  readonly durationMs: number
  /** Processor time of all its threads, to 10 ms; 0 where the system does not say. */
  readonly cpuMs: number
  readonly maxMemoryBytes: number
  /** The last 4 KiB of its log. */
  readonly logTail: string
}

interface Current {
  readonly request: InvokeRequest
  readonly startMs: number
  readonly startCpuMs: number
  readonly timer: NodeJS.Timeout
  readonly end: (end: InvokeEnd) => void
  byteLength: number
  failure: FunctionFailure | undefined
}

const SHIM = fileURLToPath(new URL('rapid-client.cjs', import.meta.url))
const RUNTIME_CLIENT = fileURLToPath(import.meta.resolve('aws-lambda-ric'))

export class ExecutionEnvironment {
  readonly #options: EnvironmentOptions
  readonly #api: RuntimeApi
  readonly #initialized = Promise.withResolvers<FunctionFailure | undefined>()
  readonly #log: LogLines
  #process: ChildProcess | undefined
  #memory: MemoryWatch | undefined
  #current: Current | undefined
  #killedFor: FunctionFailure | undefined
  #alive = true
  #stopping = false

  constructor(options: EnvironmentOptions) {
    this.#options = options
    this.#log = new LogLines((line) => options.log(options.spec.name, line))
    this.#api = new RuntimeApi({
      waiting: () => this.#waiting(),
      wrote: (chunk, answer) => this.#wrote(chunk, answer),
      finished: () => {},
      failed: (failure) => {
        if (this.#current !== undefined) this.#current.failure ??= failure
      },
      initFailed: (failure) => this.#initialized.resolve(failure),
    })
  }

  get alive(): boolean {
    return this.#alive
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Resolves when the function can take its first request, or with what kept it from that; then the environment is gone. */
  async start(): Promise<FunctionFailure | undefined> {
    const { spec, keeper } = this.#options
    const address = await this.#api.listen()
    if (this.#stopping) {
      this.#api.close()
      return failure('Runtime.ExitError', 'Error: stopped before it started')
    }
    const child = spawn(
      process.execPath,
      [
        `--max-old-space-size=${Math.floor(spec.memoryMb * 0.9)}`,
        '--require',
        SHIM,
        RUNTIME_CLIENT,
      ],
      {
        cwd: spec.codeDir,
        env: processEnvironment(spec, address, this.#options.environment),
        stdio: ['ignore', 'pipe', 'pipe'],
        // A Ctrl-C in the terminal is for us, who then end it in order.
        detached: true,
      },
    )
    this.#process = child
    child.stdout?.on('data', (chunk: Buffer) => this.#log.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => this.#log.push(chunk))
    child.once('exit', (code, signal) => this.#exited(code, signal))
    child.once('error', () => this.#exited(null, null))
    if (child.pid !== undefined) {
      keeper.watch(child.pid)
      this.#memory = new MemoryWatch(child.pid, spec.memoryMb * 1024 * 1024, () => this.#kill())
      this.#memory.start()
    }
    const timer = setTimeout(() => {
      this.#kill(failure('Sandbox.Timedout', 'Error: Init timed out after 10.00 seconds'))
    }, LIMITS.initMs)
    const problem = await this.#initialized.promise
    clearTimeout(timer)
    if (problem !== undefined) await this.stop()
    return problem
  }

  /** One at a time: the caller waits for the end before the next. */
  invoke(request: InvokeRequest): Promise<InvokeEnd> {
    if (this.#current !== undefined) throw new Error('bug: a second request for an environment')
    const { spec } = this.#options
    return new Promise((end) => {
      const seconds = (spec.timeoutMs / 1000).toFixed(2)
      const timer = setTimeout(() => {
        this.#kill(
          failure(
            'Sandbox.Timedout',
            `RequestId: ${request.requestId} Error: Task timed out after ${seconds} seconds`,
          ),
        )
      }, spec.timeoutMs)
      this.#current = {
        request,
        startMs: performance.now(),
        startCpuMs: cpuMsOf(this.pid),
        timer,
        end,
        byteLength: 0,
        failure: undefined,
      }
      this.#log.startTail()
      this.#memory?.start()
      this.#process?.kill('SIGCONT')
      this.#api.deliver({
        requestId: request.requestId,
        functionArn: spec.arn,
        deadlineMs: Date.now() + spec.timeoutMs,
        payload: request.payload,
      })
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#process
    if (child === undefined || !this.#alive) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  #waiting(): void {
    this.#initialized.resolve(undefined)
    this.#memory?.stop()
    // Between requests nothing runs: work after the answer stands still until there is another request.
    if (this.#alive) this.#process?.kill('SIGSTOP')
    const current = this.#current
    if (current === undefined) return
    clearTimeout(current.timer)
    // What it printed may be read in the same turn of the event loop as its answer: let that come first.
    setImmediate(() => this.#end(current))
  }

  #wrote(chunk: Uint8Array, { streaming, contentType }: AnswerFacts): void | Promise<void> {
    const current = this.#current
    if (current === undefined || current.failure !== undefined) return
    const limit = streaming && current.request.streaming ? LIMITS.streamBytes : LIMITS.responseBytes
    current.byteLength += chunk.length
    if (current.byteLength > limit) {
      current.failure = failure(
        'Function.ResponseSizeTooLarge',
        `Response payload size exceeded maximum allowed payload size (${limit} bytes).`,
      )
      return
    }
    return current.request.write(chunk, contentType)
  }

  #kill(why?: FunctionFailure): void {
    this.#killedFor ??= why
    this.#process?.kill('SIGKILL')
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#alive) return
    this.#alive = false
    const pid = this.#process?.pid
    if (pid !== undefined) this.#options.keeper.forget(pid)
    this.#memory?.stop()
    this.#api.close()
    const how = signal === 'SIGKILL' ? 'signal: killed' : (signal ?? `exit status ${code}`)
    const requestId = this.#current?.request.requestId
    const problem =
      this.#killedFor ??
      failure(
        'Runtime.ExitError',
        `${requestId === undefined ? '' : `RequestId: ${requestId} `}Error: Runtime exited with error: ${how}`,
      )
    this.#initialized.resolve(problem)
    if (this.#current !== undefined) {
      this.#current.failure ??= problem
      this.#end(this.#current)
    }
  }

  #end(current: Current): void {
    if (this.#current !== current) return
    this.#current = undefined
    clearTimeout(current.timer)
    current.end({
      failure: current.failure,
      durationMs: performance.now() - current.startMs,
      cpuMs: Math.max(0, cpuMsOf(this.pid) - current.startCpuMs),
      maxMemoryBytes: this.#memory?.peakBytes ?? 0,
      logTail: this.#log.tail(),
    })
  }
}

export function failure(errorType: string, errorMessage: string): FunctionFailure {
  return { type: errorType, payload: Buffer.from(JSON.stringify({ errorType, errorMessage })) }
}

/** What Lambda sets, what the template says, and what the caller says instead. Nothing of ours leaks in. */
function processEnvironment(
  spec: FunctionSpec,
  runtimeApi: string,
  overrides: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...spec.environment,
    ...overrides,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: spec.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_LAMBDA_LOG_FORMAT: spec.logFormat,
    AWS_LAMBDA_LOG_LEVEL: spec.logLevel,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: 'true',
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    LAMBDA_TASK_ROOT: spec.codeDir,
    _HANDLER: spec.handler,
  }
}
