/** The file of --config.file: a list of Prometheuses, each with the flags that are otherwise for it than for all. */
import { parse as parseYaml, stringify } from 'yaml'
import { DomainError } from '#lib/model/errors.ts'
import { PROMETHEUS_FLAGS, type PrometheusFlagValues } from './agent-flags.ts'
import type { Flag } from './flag.ts'

export interface ListedPrometheus {
  readonly name: string
  readonly values: PrometheusFlagValues
}

/**
 * `prometheuses:` with maps of flag names, without dashes, to values, and `name`. What is not named is as the command
 * line says. Throws `invalid` with the file and the Prometheus.
 */
export function parsePrometheusList(
  text: string,
  file: string,
  standard: PrometheusFlagValues,
): readonly ListedPrometheus[] {
  const wrong = (what: string, cause?: unknown): DomainError =>
    new DomainError('invalid', `${file}: ${what}`, { cause })
  let document: unknown
  try {
    document = parseYaml(text)
  } catch (cause) {
    throw wrong(`no YAML: ${(cause as Error).message}`, cause)
  }
  const top = isMap(document) ? document : {}
  const entries = top['prometheuses']
  const strange = Object.keys(top).find((key) => key !== 'prometheuses')
  if (strange !== undefined) throw wrong(`"${strange}" is not known, only prometheuses is`)
  if (!Array.isArray(entries) || entries.length === 0) {
    throw wrong('no list of prometheuses, write for example\nprometheuses:\n  - name: eu-a\n')
  }

  const listed = entries.map((entry: unknown, i): ListedPrometheus => {
    if (!isMap(entry)) throw wrong(`prometheuses[${i}] is no map`)
    const { name, ...flags } = entry
    if (typeof name !== 'string' || name === '') {
      throw wrong(`prometheuses[${i}] has no name, which tells it apart in logs and metrics`)
    }
    const values = Object.entries(flags).map(([key, value]) => {
      try {
        return [key, valueOf(key, value)]
      } catch (error) {
        if (error instanceof DomainError) throw wrong(`${name}: ${key}: ${error.message}`, error)
        throw error
      }
    })
    return { name, values: { ...standard, ...Object.fromEntries(values) } as PrometheusFlagValues }
  })
  for (const key of ['name', 'path'] as const) {
    const taken = listed.map(({ name, values }) => (key === 'name' ? name : values['tsdb.path']))
    const twice = taken.find((one, i) => taken.indexOf(one) !== i)
    if (twice === undefined) continue
    throw wrong(
      key === 'name'
        ? `two are named "${twice}"`
        : `two have the tsdb.path ${twice}, each has its own`,
    )
  }
  return listed
}

function valueOf(name: string, value: unknown): unknown {
  const flag = (PROMETHEUS_FLAGS as Readonly<Record<string, Flag<unknown>>>)[name]
  if (flag === undefined) throw new DomainError('invalid', 'is no flag of one prometheus')
  if (flag.kind === 'list') {
    return [value].flat().flatMap((one: unknown) => flag.parse(textOf(one)) as unknown[])
  }
  return flag.parse(textOf(value))
}

/** YAML within YAML need not be quoted. */
function textOf(value: unknown): string {
  if (isMap(value)) return stringify(value)
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new DomainError('invalid', 'write one value')
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
