/** A synthesized stack running on this machine: the deployed bundles behind the APIs they have on AWS. */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

import { readAssembly } from './assembly.ts'
import type { Assembly } from './assembly.ts'
import type { DeployedFunction } from './deployed-function.ts'
import { DeployedStack, type UpdateOptions } from './deployed-stack.ts'
import { AccountConcurrency, type PoolOptions } from './function-pool.ts'
import type { FunctionStats } from './function-pool.ts'
import { FunctionUrls } from './function-urls.ts'
import { ACCOUNT } from './intrinsics.ts'
import { InvokeApi } from './invoke-api.ts'
import { Invoker } from './invoker.ts'
import type { BufferedResult } from './invoker.ts'
import { Keeper } from './keeper.ts'
import { keepLogs } from './kept-logs.ts'
import type { LogSink } from './log-lines.ts'
import { listenOnLoopback } from './loopback.ts'
import type { Queue } from './queue.ts'
import { QueueApi } from './queue-api.ts'
import { EventBus } from './schedule.ts'
import type { CloudEvent } from './schedule.ts'

export interface CloudOptions {
  /** What `cdk synth` wrote. */
  readonly assemblyDir: string
  /** Of the AWS APIs, Lambda's and SQS's; 0 for any. */
  readonly port?: number | undefined
  /** Of the HTTP API; 0 for any. */
  readonly httpPort?: number | undefined
  /** Instead of, or besides, what the template sets for every function. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Likewise, for the function of this name alone. */
  readonly environmentOf?: ((functionName: string) => Readonly<Record<string, string>>) | undefined
  /** Given the address of the AWS APIs, that of what stands before them: functions are told this one. */
  readonly front?: ((awsUrl: string) => string) | undefined
  /** Requests that run at one time; a new AWS account may have no more than 10. */
  readonly concurrency?: number | undefined
  /** An environment without work for so long is ended. */
  readonly idleMs?: number | undefined
  /** Schedules of the template, or those of these names, run by the clock. Otherwise only `runSchedule` runs them. */
  readonly clock?: boolean | ((schedule: string) => boolean) | undefined
  /**
   * The door of the HTTP API is open: whoever comes has this context of a function authorizer, and none is asked. For a machine on which
   * whoever reaches the port may everything.
   */
  readonly openWith?: Readonly<Record<string, string>> | undefined
  readonly log?: LogSink | undefined
  readonly now?: (() => number) | undefined
}

export interface Cloud {
  /** Of the stack's HTTP API: where Grafana looks. */
  readonly httpUrl: string
  /** Of functions that have one, by their names; each ends with a slash. */
  readonly functionUrls: Readonly<Record<string, string>>
  /** For `AWS_ENDPOINT_URL_LAMBDA` and `AWS_ENDPOINT_URL_SQS`. */
  readonly awsUrl: string
  readonly assembly: Assembly
  /**
   * What CloudFormation does with another assembly: new versions, then aliases, each resource after those it needs. Queues keep their
   * messages, and versions that no alias has any more can still be called. Where a step rejects, all is as it was before, and it rejects too.
   */
  update(assemblyDir: string, options?: UpdateOptions): Promise<void>
  /** Lambda's UpdateAlias: to another version that there is. */
  updateAlias(functionName: string, alias: string, version: string): void
  /** By name, or `name:qualifier`. Rejects with ThrottledError; a function that fails is a result with `failure`. */
  invoke(name: string, payload: unknown): Promise<BufferedResult>
  runSchedule(name: string): Promise<BufferedResult[]>
  /** Names of the rules that took it. */
  putEvent(event: CloudEvent): string[]
  /** What S3 tells EventBridge when an object is complete. */
  objectCreated(key: string, size: number): string[]
  queue(name: string): Queue
  stats(): Record<string, FunctionStats>
  /** Processes of execution environments that live. */
  pids(): number[]
  stop(): Promise<void>
}

const IDLE_MS = 10 * 60_000

export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { now = Date.now } = options
  const log = keepLogs(process.env['THAW_CLOUD_LOGS'], options.log ?? (() => {}))
  const aws = createServer()
  const http = createServer()
  let awsUrl: string
  let toldUrl: string
  let httpUrl: string
  let assembly: Assembly
  const functions = new Map<string, DeployedFunction>()
  const urls = new FunctionUrls((server, handle) => serve(server, log, handle))
  const read = async (directory: string): Promise<Assembly> => {
    await urls.prepare(directory)
    return readAssembly(directory, {
      functionUrl: (id) => urls.urlOf(id),
      queueUrl: (name) => `${toldUrl}/${ACCOUNT}/${name}`,
      versionOf: (functionName, id) => functions.get(functionName)?.numberOf(id) ?? '1',
    })
  }
  try {
    awsUrl = `http://127.0.0.1:${await listenOnLoopback(aws, options.port ?? 0)}`
    toldUrl = options.front?.(awsUrl) ?? awsUrl
    httpUrl = `http://127.0.0.1:${await listenOnLoopback(http, options.httpPort ?? 0)}`
    assembly = await read(options.assemblyDir)
  } catch (error) {
    for (const it of [aws, http, urls]) it.close()
    throw error
  }

  const keeper = new Keeper()
  const account = new AccountConcurrency(options.concurrency ?? 10)
  const environment = {
    AWS_ENDPOINT_URL_LAMBDA: toldUrl,
    AWS_ENDPOINT_URL_SQS: toldUrl,
    ...options.environment,
  }
  const invoker = new Invoker(functions, log)
  const queues = new Map<string, Queue>()
  const queueNamed = (name: string): Queue => {
    const queue = queues.get(name)
    if (queue === undefined) throw new Error(`no queue ${name}`)
    return queue
  }
  const { clock = false, openWith, idleMs = IDLE_MS } = options
  const isWanted = typeof clock === 'boolean' ? () => clock : clock
  const bus = new EventBus(invoker, now, isWanted)
  const pool = (name: string): Omit<PoolOptions, 'spec' | 'stats'> => ({
    environment: { ...environment, ...options.environmentOf?.(name) },
    account,
    keeper,
    log,
    idleMs,
  })
  const stack = new DeployedStack({ functions, queues, bus, urls, invoker, now, pool, openWith })
  try {
    await stack.deploy(assembly)
  } catch (error) {
    for (const it of [aws, http, urls]) it.close()
    await keeper.close()
    throw error
  }

  const invokeApi = new InvokeApi(invoker)
  const queueApi = new QueueApi(queues)
  serve(aws, log, async (request, response) => {
    if (await queueApi.handle(request, response)) return
    if (await invokeApi.handle(request, response)) return
    response.writeHead(404).end()
  })

  serve(http, log, async (request, response) => {
    if (stack.httpApi === undefined) response.writeHead(404).end()
    else await stack.httpApi.handle(request, response)
  })

  return {
    httpUrl,
    get functionUrls() {
      return urls.all()
    },
    awsUrl,
    get assembly() {
      return assembly
    },
    async update(assemblyDir, updateOptions) {
      const next = await read(assemblyDir)
      try {
        await stack.deploy(next, updateOptions)
        assembly = next
      } catch (error) {
        await stack.rollBack(assembly)
        throw error
      }
    },
    updateAlias(functionName, alias, version) {
      const found = functions.get(functionName)
      if (found === undefined) throw new Error(`no function ${functionName}`)
      found.point(alias, version)
    },
    invoke: (name, payload) => invoker.invoke(name, Buffer.from(JSON.stringify(payload))),
    runSchedule: (name) => bus.runSchedule(name),
    putEvent: (event) => bus.send(event),
    objectCreated: (key, size) => bus.send(objectCreated(assembly.bucketName ?? '', key, size)),
    queue: queueNamed,
    stats: () => invoker.stats(),
    pids: () => invoker.pids(),
    async stop() {
      bus.stop()
      for (const it of [http, aws, urls]) it.close()
      await stack.stop()
      await invoker.stop()
      for (const it of [http, aws, urls]) it.closeAllConnections()
      await keeper.close()
    },
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

function serve(server: Server, log: LogSink, handle: Handler): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch((error: unknown) => {
      log('cloud', `${request.method} ${request.url}: ${String(error)}`)
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })
}

function objectCreated(bucket: string, key: string, size: number): CloudEvent {
  return {
    source: 'aws.s3',
    'detail-type': 'Object Created',
    resources: [`arn:aws:s3:::${bucket}`],
    detail: { version: '0', bucket: { name: bucket }, object: { key, size }, reason: 'PutObject' },
  }
}
