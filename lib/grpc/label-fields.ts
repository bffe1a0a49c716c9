/** Labels and matchers in messages: as the flat and plain ones of lib/model. */
import type { ProtoWriter } from '#lib/bytes/protobuf.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Matcher, MatchType } from '#lib/model/matcher.ts'
import * as proto from './message.ts'

/** `repeated Label`. In the order in which they come: what is not sorted stays unsorted. */
export function labels(number: number): proto.Field<Labels> {
  return {
    ...proto.repeatedField<string>(number),
    write: appendLabels,
    read: (reader, before) => {
      const label = reader.message()
      let name = ''
      let value = ''
      while (label.next()) {
        if (label.field === 1) name = label.string()
        else if (label.field === 2) value = label.string()
        else label.skip()
      }
      const all = before as string[]
      all.push(name, value)
      return all
    },
  }
}

export function appendLabels(out: ProtoWriter, field: number, pairs: Labels): void {
  for (let i = 0; i < pairs.length; i += 2) {
    const label = out.begin(field)
    out.string(1, pairs[i]!)
    out.string(2, pairs[i + 1]!)
    out.end(label)
  }
}

interface LabelSet {
  readonly labels: Labels
}

const labelSetMessage = proto.message<LabelSet>('LabelSet', { labels: labels(1) })

/** `LabelSet`, which is a message with labels alone. */
export function labelSet(number: number): proto.Field<Labels> {
  return {
    ...labels(number),
    write: (out, field, value) =>
      proto.appendMessage(out, field, labelSetMessage, { labels: value }),
    read: (reader) => labelSetMessage.read(reader.message()).labels,
  }
}

export function labelSets(number: number): proto.Field<readonly Labels[]> {
  return {
    ...proto.repeatedField<Labels>(number),
    write: (out, field, values) => {
      for (const value of values)
        proto.appendMessage(out, field, labelSetMessage, { labels: value })
    },
    read: (reader, before) => proto.pushed(before, labelSetMessage.read(reader.message()).labels),
  }
}

const MATCH_TYPES: readonly MatchType[] = ['=', '!=', '=~', '!~']

const matcherMessage = proto.message<Matcher>('LabelMatcher', {
  type: proto.enumeration(1, MATCH_TYPES),
  name: proto.string(2),
  value: proto.string(3),
})

export function matchers(number: number): proto.Field<readonly Matcher[]> {
  return proto.repeated(number, matcherMessage)
}
