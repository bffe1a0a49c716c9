/** The dot of an alert's templates, and what labels are in them. */
import type { TemplateData } from '../expand.ts'
import { toBytes } from '../value/bytes.ts'
import {
  ANY,
  STRING,
  STRING_MAP,
  boxed,
  float,
  string,
  type Field,
  type GoType,
  type Value,
} from '../value/value.ts'
import { histogramValue } from './histogram.ts'

interface Data {
  readonly labels: Value
  readonly externalLabels: Value
  readonly externalUrl: Value
  readonly value: Value
}

function field(name: string, type: GoType, key: keyof Data): Field {
  return { name, type, get: ({ data }) => (data as Data)[key] }
}

const ALERT_DATA: GoType = {
  kind: 'struct',
  name: 'struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }',
  fields: [
    field('Labels', STRING_MAP, 'labels'),
    field('ExternalLabels', STRING_MAP, 'externalLabels'),
    field('ExternalURL', STRING, 'externalUrl'),
    field('Value', ANY, 'value'),
  ],
}

export function dataValue(data: TemplateData): Value {
  const { value } = data
  const fields: Data = {
    labels: labelsValue(data.labels),
    externalLabels: labelsValue(data.externalLabels),
    externalUrl: string(toBytes(data.externalUrl)),
    value: boxed(typeof value === 'number' ? float(value) : histogramValue(value)),
  }
  return { type: ALERT_DATA, data: fields }
}

export function labelsValue(labels: Readonly<Record<string, string>>): Value {
  const map = new Map<string, Value>()
  for (const [name, value] of Object.entries(labels)) {
    map.set(toBytes(name), string(toBytes(value)))
  }
  return { type: STRING_MAP, data: map }
}
