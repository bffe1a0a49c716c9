/** What of a stack runs here, and how one assembly after another becomes it: resource by resource, as CloudFormation does. */
import type { Assembly } from './assembly.ts'
import { DeployedFunction } from './deployed-function.ts'
import { deploymentOrder } from './deployment-order.ts'
import { EventSource } from './event-source.ts'
import type { FunctionPool, PoolOptions } from './function-pool.ts'
import type { FunctionUrls } from './function-urls.ts'
import { HttpApi } from './http-api.ts'
import type { Invoker } from './invoker.ts'
import { Queue } from './queue.ts'
import type { EventBus } from './schedule.ts'

/** One change that an update made. */
export interface UpdateStep {
  readonly type: string
  /** Logical id of the resource. */
  readonly id: string
  /** For people: `thaw-query:live is 2`. */
  readonly what: string
}

export interface UpdateOptions {
  /** Waited for after each change, before the next. */
  readonly between?: ((step: UpdateStep) => void | Promise<void>) | undefined
  /** Which of the resources that can be done is next. */
  readonly choose?: ((ready: readonly string[]) => string) | undefined
}

export interface DeployedStackOptions {
  readonly functions: Map<string, DeployedFunction>
  readonly queues: Map<string, Queue>
  readonly bus: EventBus
  readonly urls: FunctionUrls
  readonly invoker: Invoker
  readonly now: () => number
  readonly pool: (functionName: string) => Omit<PoolOptions, 'spec' | 'stats'>
  readonly openWith: Readonly<Record<string, string>> | undefined
}

export class DeployedStack {
  readonly #options: DeployedStackOptions
  readonly #sources = new Map<string, { readonly source: EventSource; readonly facts: string }>()
  /** Of functions that the stack has no more. */
  readonly #gone: FunctionPool[] = []
  httpApi: HttpApi | undefined

  constructor(options: DeployedStackOptions) {
    this.#options = options
  }

  /** What is new or other, in the order of dependencies; then what is there no more goes. */
  async deploy(assembly: Assembly, options: UpdateOptions = {}): Promise<void> {
    await this.#applyAll(assembly, options)
    this.#keep(assembly)
  }

  /** To what was deployed before an update that failed: the versions that it published go, as their deletion policy says. */
  async rollBack(assembly: Assembly): Promise<void> {
    await this.#applyAll(assembly)
    for (const [name, it] of this.#options.functions) {
      const own = assembly.versions.filter(({ functionName }) => functionName === name)
      it.discard(new Set(own.map(({ id }) => id)))
    }
    this.#keep(assembly)
  }

  async stop(): Promise<void> {
    for (const { source } of this.#sources.values()) source.stop()
    await Promise.all(this.#gone.map((pool) => pool.stop()))
  }

  async #applyAll(assembly: Assembly, { between, choose }: UpdateOptions = {}): Promise<void> {
    const order = deploymentOrder(assembly.dependencies, choose)
    const isApi = (id: string): boolean =>
      assembly.types.get(id)?.startsWith('AWS::ApiGatewayV2::') ?? false
    // One thing here, though many resources.
    const apiDone = order.findLast(isApi)
    for (const id of order) {
      const what = id === apiDone ? this.#api(assembly) : this.#apply(assembly, id)
      if (what !== undefined) await between?.({ type: assembly.types.get(id) ?? '', id, what })
    }
  }

  /** Returns what changed. */
  #apply(assembly: Assembly, id: string): string | undefined {
    switch (assembly.types.get(id)) {
      case 'AWS::Lambda::Function':
        return this.#function(assembly, id)
      case 'AWS::Lambda::Version': {
        const { functionName } = withId(assembly.versions, id)
        const number = this.#named(functionName).publish(id)
        return number && `${functionName}:${number}`
      }
      case 'AWS::Lambda::Alias': {
        const { functionName, name, version } = withId(assembly.aliases, id)
        const moved = this.#named(functionName).point(name, version)
        return moved ? `${functionName}:${name} is ${version}` : undefined
      }
      case 'AWS::Lambda::Url': {
        const { urls, invoker, now, openWith } = this.#options
        const spec = withId(assembly.functionUrls, id)
        return urls.put({ spec, invoker, now, openWith }) ? `URL of ${spec.reference}` : undefined
      }
      case 'AWS::SQS::Queue':
        return this.#queue(assembly, id)
      case 'AWS::Events::Rule': {
        const rule = withId(assembly.rules, id)
        return this.#options.bus.put(rule) ? `rule ${rule.name}` : undefined
      }
      case 'AWS::Lambda::EventSourceMapping':
        return this.#source(assembly, id)
      default:
        return undefined
    }
  }

  #function(assembly: Assembly, id: string): string | undefined {
    const { functions, pool } = this.#options
    const spec = withId(assembly.functions, id)
    const before = functions.get(spec.name)
    if (before !== undefined) return before.replace(spec) ? spec.name : undefined
    functions.set(spec.name, new DeployedFunction(spec, pool(spec.name)))
    return spec.name
  }

  /** Messages stay. */
  #queue(assembly: Assembly, id: string): string | undefined {
    const { queues, now } = this.#options
    const spec = withId(assembly.queues, id)
    const before = queues.get(spec.name)
    if (before === undefined) {
      const queue = new Queue(spec, now, () => queues.get(queue.spec.deadLetter?.queueName ?? ''))
      queues.set(spec.name, queue)
    } else {
      if (JSON.stringify(before.spec) === JSON.stringify(spec)) return undefined
      before.spec = spec
    }
    return `queue ${spec.name}`
  }

  /** What the former one has taken it brings to its end. */
  #source(assembly: Assembly, id: string): string | undefined {
    const { queues, invoker, now } = this.#options
    const spec = withId(assembly.eventSources, id)
    const facts = JSON.stringify(spec)
    const before = this.#sources.get(id)
    if (before?.facts === facts) return undefined
    before?.source.stop()
    const queue = queues.get(spec.queueName)
    if (queue === undefined) throw new Error(`no queue ${spec.queueName}`)
    this.#sources.set(id, { source: new EventSource(spec, queue, invoker, now), facts })
    return `queue ${spec.queueName} goes to ${spec.functionName}`
  }

  #api(assembly: Assembly): string | undefined {
    const { invoker, now, openWith } = this.#options
    const [spec] = assembly.httpApis
    if (spec === undefined) return undefined
    if (this.httpApi !== undefined) return this.httpApi.update(spec) ? 'HTTP API' : undefined
    this.httpApi = new HttpApi({ spec, invoker, now, openWith })
    return 'HTTP API'
  }

  #keep(assembly: Assembly): void {
    const { functions, versions, aliases, rules, queues, eventSources, httpApis } = assembly
    const { bus, urls } = this.#options
    urls.keep(new Set(assembly.functionUrls.map(({ id }) => id)))
    if (httpApis.length === 0) this.httpApi = undefined
    bus.keep(new Set(rules.map(({ name }) => name)))
    const sources = new Set(eventSources.map(({ id }) => id))
    for (const [id, { source }] of this.#sources) {
      if (sources.has(id)) continue
      source.stop()
      this.#sources.delete(id)
    }
    const queueNames = new Set(queues.map(({ name }) => name))
    for (const name of this.#options.queues.keys()) {
      if (!queueNames.has(name)) this.#options.queues.delete(name)
    }
    const names = new Set(functions.map(({ name }) => name))
    for (const [name, it] of this.#options.functions) {
      if (names.has(name)) {
        const own = <T extends { functionName: string }>(all: readonly T[]): T[] =>
          all.filter(({ functionName }) => functionName === name)
        it.keep(
          new Set(own(versions).map(({ id }) => id)),
          new Set(own(aliases).map((alias) => alias.name)),
        )
      } else {
        this.#options.functions.delete(name)
        for (const pool of it.pools) pool.retire()
        this.#gone.push(...it.pools)
      }
    }
  }

  #named(functionName: string): DeployedFunction {
    const found = this.#options.functions.get(functionName)
    if (found === undefined) throw new Error(`no function ${functionName}`)
    return found
  }
}

function withId<T extends { readonly id: string }>(specs: readonly T[], id: string): T {
  const found = specs.find((spec) => spec.id === id)
  if (found === undefined) throw new Error(`bug: ${id} was not read`)
  return found
}
