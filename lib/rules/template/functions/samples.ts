/** What queries answer, and the functions that take it apart. */
import { fromBytes } from '../value/bytes.ts'
import {
  ANY,
  GoError,
  STRING,
  STRING_MAP,
  boxed,
  float,
  itemsOf,
  pointerTo,
  sliceOf,
  string,
  type Callable,
  type GoType,
  type Slice,
  type TemplateSample,
  type Value,
} from '../value/value.ts'
import { fn, text } from './callable.ts'
import { labelsValue } from './data.ts'
import { histogramValue } from './histogram.ts'

interface Sample {
  readonly labels: Value
  readonly value: Value
}

const SAMPLE: GoType = {
  kind: 'struct',
  name: 'template.sample',
  fields: [
    { name: 'Labels', type: STRING_MAP, get: ({ data }) => (data as Sample).labels },
    { name: 'Value', type: ANY, get: ({ data }) => (data as Sample).value },
  ],
}
const SAMPLE_POINTER = pointerTo(SAMPLE)
const QUERY_RESULT: GoType = { kind: 'slice', name: 'template.queryResult', elem: SAMPLE_POINTER }

function queryResult(samples: readonly TemplateSample[]): Value {
  return sliceOf(
    QUERY_RESULT,
    samples.map(({ labels, value, histogram }) => {
      const sample: Sample = {
        labels: labelsValue(labels),
        value: boxed(histogram === undefined ? float(value) : histogramValue(histogram)),
      }
      return { type: SAMPLE_POINTER, data: { type: SAMPLE, data: sample } satisfies Value }
    }),
  )
}

function sampleOf(pointer: Value): Sample {
  if (pointer.data === undefined) {
    throw new GoError('runtime error: invalid memory address or nil pointer dereference')
  }
  return (pointer.data as Value).data as Sample
}

function label(pointer: Value, name: string): string {
  const found = (sampleOf(pointer).labels.data as ReadonlyMap<string, Value>).get(name)
  return found === undefined ? '' : text(found)
}

/** As Go does, it sorts the very list that it was given. */
function sortByLabel(name: Value, result: Value): Value {
  const slice = result.data as Slice | undefined
  if (slice === undefined) return result
  const keyed = itemsOf(result).map((item) => ({ item, key: label(item, text(name)) }))
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  for (const [i, { item }] of keyed.entries()) slice.array[slice.start + i] = item
  return result
}

export const SAMPLE_FUNCTIONS: ReadonlyMap<string, Callable> = new Map([
  ['query', fn([STRING], (expr) => ({ query: fromBytes(text(expr)), answer: queryResult }))],
  [
    'first',
    fn([QUERY_RESULT], (result) => {
      const [first] = itemsOf(result)
      if (first === undefined) throw new GoError('first() called on vector with no elements')
      return first
    }),
  ],
  ['label', fn([STRING, SAMPLE_POINTER], (name, sample) => string(label(sample, text(name))))],
  ['value', fn([SAMPLE_POINTER], (sample) => sampleOf(sample).value)],
  ['strvalue', fn([SAMPLE_POINTER], (sample) => string(label(sample, '__value__')))],
  ['sortByLabel', fn([STRING, QUERY_RESULT], (name, result) => sortByLabel(name, result))],
])
