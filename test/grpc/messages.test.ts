// The codecs against proto/*.proto: what protobufjs writes by the files, ours reads and writes again, and nothing is lost.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as exemplars from '#lib/grpc/exemplars-messages.ts'
import * as hints from '#lib/grpc/hints-messages.ts'
import * as info from '#lib/grpc/info-messages.ts'
import type { Message } from '#lib/grpc/message.ts'
import * as metadata from '#lib/grpc/metadata-messages.ts'
import * as reflection from '#lib/grpc/reflection-messages.ts'
import * as rules from '#lib/grpc/rules-messages.ts'
import * as statuses from '#lib/grpc/status-messages.ts'
import * as store from '#lib/grpc/store-messages.ts'
import * as targets from '#lib/grpc/targets-messages.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { errorOf, isCorruptOrNone } from '../bytes/error-of.ts'
import { fullMessage, loadProto, plain } from './proto-files.ts'

type AnyMessage = Message<object>

function messagesOf(module: object): AnyMessage[] {
  return Object.values(module).filter(
    (value): value is AnyMessage => typeof value === 'object' && 'decode' in value,
  )
}

const MODULES = {
  store,
  hints,
  info,
  rules,
  targets,
  metadata,
  exemplars,
  status: statuses,
  reflection,
}

const cases = Object.entries(MODULES).flatMap(([file, module]) => {
  const root = loadProto(file as keyof typeof MODULES)
  return messagesOf(module).map((codec) => ({
    name: codec.name,
    codec,
    type: root.lookupType(codec.name),
  }))
})

describe.each(cases)('$name', ({ codec, type }) => {
  it.each([0, 1])('keeps every field of the .proto file, choice %i of each oneof', (choice) => {
    const message = fullMessage(type, choice)
    const bytes = type.encode(type.fromObject(message)).finish()
    const ours = codec.decode(bytes)
    expect(plain(type, codec.encode(ours))).toEqual(plain(type, bytes))
  })

  it('has the properties of the .proto file, in camel case', () => {
    const expected = type.fieldsArray.map(({ name }) =>
      name
        .replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
        .replace(/^[A-Z]/, (letter) => letter.toLowerCase()),
    )
    expect(Object.keys(codec.decode(new Uint8Array(0))).sort()).toEqual(expected.sort())
  })

  it('is nothing when everything is zero or empty, but for times that are never', () => {
    expect(codec.encode({})).toHaveLength(0)
    expect(codec.encode(codec.decode(new Uint8Array(0)))).toHaveLength(0)
  })

  it('says of each cut that it is one, or reads what is there', () => {
    const bytes = type.encode(type.fromObject(fullMessage(type, 0))).finish()
    for (let end = 0; end < bytes.length; end++) {
      const error = errorOf(() => codec.decode(bytes.subarray(0, end)))
      expect(error ?? new CorruptError('', 0, { where: codec.name })).toSatisfy(
        (error) => error instanceof CorruptError && error.message.startsWith(`${codec.name}: `),
      )
    }
  })

  it('throws nothing but CorruptError for damaged bytes', () => {
    const bytes = type.encode(type.fromObject(fullMessage(type, 0))).finish()
    const damage = fc.array(fc.tuple(fc.nat({ max: 4000 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = bytes.slice()
        for (const [at, value] of changes) damaged[at % Math.max(bytes.length, 1)] = value
        expect(errorOf(() => codec.decode(damaged))).toSatisfy(isCorruptOrNone)
      }),
      { numRuns: 200 },
    )
  })
})

describe('requests', () => {
  it('takes the times of a client that asks for everything', () => {
    const request = store.seriesRequest.decode(
      store.seriesRequest.encode({ minTime: -Infinity, maxTime: Infinity }),
    )
    expect([request.minTime, request.maxTime]).toEqual([-(2 ** 63), 2 ** 63])
  })

  it('has enum values that are neither packed nor known', () => {
    expect(store.seriesRequest.decode(Uint8Array.of(0x28, 1, 0x28, 5)).aggregates).toEqual([
      'COUNT',
      'COUNTER',
    ])
    expect(() => store.seriesRequest.decode(Uint8Array.of(0x28, 6))).toThrow(
      new CorruptError('enum value 6', 0, { where: 'SeriesRequest' }),
    )
  })

  it('passes over fields of tomorrow', () => {
    const known = store.seriesRequest.encode({ limit: 7 })
    const unknown = Uint8Array.of(0xfa, 0x3e, 2, 1, 2)
    const request = store.seriesRequest.decode(Buffer.concat([unknown, known]))
    expect(request).toEqual(store.seriesRequest.decode(known))
  })
})

describe('hints', () => {
  it('travel under the name of their type', () => {
    const packed = hints.packHints(hints.seriesRequestHints, { enableQueryStats: true })
    expect(packed.typeUrl).toBe('type.googleapis.com/hintspb.SeriesRequestHints')
    expect(hints.unpackHints(hints.seriesRequestHints, packed)).toEqual({
      blockMatchers: [],
      enableQueryStats: true,
    })
    expect(hints.unpackHints(hints.labelNamesRequestHints, packed)).toBeUndefined()
    expect(hints.unpackHints(hints.labelNamesRequestHints, undefined)).toBeUndefined()
  })
})
