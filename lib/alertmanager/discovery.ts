/** Which Alertmanagers a set has at this moment: those of its configuration and its files, looked up in DNS, and relabelled. */
import { glob, readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { resolveAddress, type Resolver } from '#lib/endpoints/resolve-address.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom, labelValue } from '#lib/model/labels.ts'
import { type Relabel, relabeler } from '#lib/relabel/relabel.ts'
import { type AlertmanagerSet, isAddress, type TargetGroup } from './alerting-config.ts'

export interface Discovered {
  /** Each once. */
  readonly active: readonly string[]
  readonly dropped: readonly string[]
  /** What could not be read or looked up, where the last answer goes on to count. */
  readonly errors: readonly string[]
}

export interface DiscoveryParts {
  readonly resolver: Resolver
  readonly now: () => number
}

/** As Thanos's `--alertmanagers.sd-dns-interval`. */
const DNS_MS = 30_000
const DEFAULT_PORT = 9093

interface Answer {
  readonly addresses: readonly string[]
  readonly untilMs: number
}

export class Discovery {
  readonly #set: AlertmanagerSet
  readonly #parts: DiscoveryParts
  readonly #relabel: Relabel
  readonly #answers = new Map<string, Answer>()
  readonly #files = new Map<string, readonly TargetGroup[]>()

  constructor(set: AlertmanagerSet, parts: DiscoveryParts) {
    this.#set = set
    this.#parts = parts
    this.#relabel = relabeler(set.relabel)
  }

  async read(): Promise<Discovered> {
    const errors: string[] = []
    const groups = [...this.#set.groups, ...(await this.#readFiles(errors))]
    const active = new Set<string>()
    const dropped = new Set<string>()
    for (const { targets, labels } of groups) {
      for (const target of targets) {
        for (const address of await this.#resolve(target, errors)) {
          const before = labelsFrom({
            ...labels,
            __address__: address,
            __scheme__: this.#set.scheme,
            __alerts_path__: alertsPath(this.#set.pathPrefix),
          })
          const after = this.#relabel(before)
          if (after.length === 0) dropped.add(urlOf(before))
          else if (URL.canParse(urlOf(after))) active.add(urlOf(after))
          else errors.push(`relabelling makes ${urlOf(after)} of ${urlOf(before)}, which is no URL`)
        }
      }
    }
    return { active: [...active], dropped: [...dropped], errors }
  }

  async #resolve(target: string, errors: string[]): Promise<readonly string[]> {
    if (!target.includes('+')) return [target]
    const { resolver, now } = this.#parts
    const known = this.#answers.get(target)
    if (known !== undefined && now() < known.untilMs) return known.addresses
    const name = /^dns(dualstack)?\+[^:]*$/.test(target) ? `${target}:${DEFAULT_PORT}` : target
    try {
      const addresses = (await resolveAddress(name, resolver)).toSorted()
      if (addresses.length === 0) errors.push(`${target}: DNS knows no address`)
      else this.#answers.set(target, { addresses, untilMs: now() + DNS_MS })
    } catch (error) {
      errors.push((error as Error).message)
    }
    return this.#answers.get(target)?.addresses ?? []
  }

  async #readFiles(errors: string[]): Promise<TargetGroup[]> {
    const { files } = this.#set
    const paths = files.length > 0 ? await Array.fromAsync(glob([...files])) : []
    for (const path of paths) {
      try {
        this.#files.set(path, groupsOf(parse(await readFile(path, 'utf8'))))
      } catch (error) {
        errors.push(`${path}: ${(error as Error).message}`)
      }
    }
    for (const path of this.#files.keys()) if (!paths.includes(path)) this.#files.delete(path)
    return [...this.#files.values()].flat()
  }
}

/** Prometheus's file of target groups. */
function groupsOf(value: unknown): TargetGroup[] {
  if (!Array.isArray(value)) throw new DomainError('invalid', 'want a list of target groups')
  return value.map((group: unknown) => {
    const { targets = [], labels = {} } = (group ?? {}) as { targets?: unknown; labels?: unknown }
    const isRight = Array.isArray(targets) && typeof labels === 'object' && labels !== null
    if (!isRight || !targets.every((one) => typeof one === 'string' && isAddress(one))) {
      throw new DomainError('invalid', 'want targets as a list of host:port, and labels')
    }
    const pairs = Object.entries(labels).map(([name, text]) => [name, String(text)])
    return {
      targets: targets as string[],
      labels: Object.fromEntries(pairs) as Record<string, string>,
    }
  })
}

function alertsPath(prefix: string): string {
  return `/${prefix}/api/v2/alerts`.replaceAll(/\/{2,}/g, '/')
}

function urlOf(labels: readonly string[]): string {
  const of = (name: string): string => labelValue(labels, name)
  return `${of('__scheme__')}://${of('__address__')}${of('__alerts_path__')}`
}
