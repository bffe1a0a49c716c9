/** Which exposition format a client gets, by its Accept header, as Prometheus chooses. */
import type { NameEscaping } from './escape-name.ts'

export interface ExpositionFormat {
  readonly type: 'text' | 'protobuf'
  readonly escaping: NameEscaping
}

const ESCAPINGS: readonly NameEscaping[] = ['allow-utf-8', 'underscores', 'dots', 'values']

interface Clause {
  readonly type: string
  readonly quality: number
  readonly params: ReadonlyMap<string, string>
}

/** Text where nothing else is asked for. Of protobuf's forms only the delimited one is written. */
export function negotiateFormat(accept: string): ExpositionFormat {
  let escaping: NameEscaping = 'underscores'
  const clauses = accept.split(',').map(parseClause)
  for (const { type, params } of clauses.sort((a, b) => b.quality - a.quality)) {
    escaping = ESCAPINGS.find((known) => known === params.get('escaping')) ?? escaping
    if (
      type === 'application/vnd.google.protobuf' &&
      params.get('proto') === 'io.prometheus.client.MetricFamily' &&
      params.get('encoding') === 'delimited'
    ) {
      return { type: 'protobuf', escaping }
    }
    if (type === 'text/plain' && ['', '0.0.4'].includes(params.get('version') ?? '')) break
  }
  return { type: 'text', escaping }
}

function parseClause(text: string): Clause {
  const [type, ...rest] = text.split(';').map((part) => part.trim())
  const params = new Map(
    rest.map((part): [string, string] => {
      const equals = part.indexOf('=')
      return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()]
    }),
  )
  return { type: type!, quality: Number(params.get('q') ?? 1) || 0, params }
}

export function contentTypeOf({ type, escaping }: ExpositionFormat): string {
  const media =
    type === 'text'
      ? 'text/plain; version=0.0.4; charset=utf-8'
      : 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
  return `${media}; escaping=${escaping}`
}
