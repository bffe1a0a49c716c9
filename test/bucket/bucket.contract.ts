/** What every Bucket promises. Run against each implementation, each wrapper and each real server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collectKeys, collectPages, collectPrefixes } from '#test/bucket/listing.ts'
import { ConflictError, CorruptError, isKind, NotFoundError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'

/** Promises a store is known to break: the named tests must fail, and one that passes fails the run. */
export interface ContractSkip {
  readonly reason: string
  readonly tests: readonly string[]
}

const MiB = 1024 * 1024

/** `make` gives a bucket with nothing in it; it is called once, and each test uses keys of its own. */
export function bucketContract(
  name: string,
  make: () => Bucket | Promise<Bucket>,
  skips: readonly ContractSkip[] = [],
): void {
  const broken = new Map(skips.flatMap(({ reason, tests }) => tests.map((test) => [test, reason])))

  describe(`${name} is a Bucket`, () => {
    let bucket: Bucket
    const claims = new Set<string>()

    beforeAll(async () => {
      bucket = await make()
    })

    afterAll(() => {
      expect([...broken.keys()].filter((test) => !claims.has(test))).toEqual([])
    })

    function claim(title: string, check: () => Promise<void>): void {
      claims.add(title)
      const reason = broken.get(title)
      if (reason === undefined) {
        // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- both are the claim's
        it(title, check)
        return
      }
      // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- the claim is in `check`
      it(title, async (context) => {
        const kept = await check().then(
          () => true,
          () => false,
        )
        if (kept) throw new Error(`passes now, take it off the list of "${reason}"`)
        context.skip(reason)
      })
    }

    claim('gives back the bytes and the etag that were put', async () => {
      const { etag } = await bucket.put('get/a', bytes(1, 2, 3))
      expect(await bucket.get('get/a')).toEqual({ body: bytes(1, 2, 3), etag })
    })

    claim('rejects a get of what is not there with NotFoundError', async () => {
      await expect(bucket.get('missing/get')).rejects.toBeInstanceOf(NotFoundError)
      await expect(bucket.getIfChanged('missing/get', 'etag')).rejects.toBeInstanceOf(NotFoundError)
      await expect(bucket.getRange('missing/get', 0, 1)).rejects.toBeInstanceOf(NotFoundError)
      await expect(bucket.getTail('missing/get', 1)).rejects.toBeInstanceOf(NotFoundError)
      await expect(bucket.head('missing/get')).rejects.toBeInstanceOf(NotFoundError)
    })

    claim('does not take a prefix of keys for an object', async () => {
      await bucket.put('folder/with/object', bytes(1))
      await expect(bucket.get('folder/with')).rejects.toBeInstanceOf(NotFoundError)
      await expect(bucket.head('folder/with')).rejects.toBeInstanceOf(NotFoundError)
      await bucket.delete('folder/with')
      expect((await bucket.head('folder/with/object')).size).toBe(1)
    })

    claim('stores an empty object', async () => {
      const { etag } = await bucket.put('empty/object', bytes())
      expect(await bucket.get('empty/object')).toEqual({ body: bytes(), etag })
      expect((await bucket.head('empty/object')).size).toBe(0)
      expect(await bucket.getTail('empty/object', 8)).toEqual({ body: bytes(), size: 0, etag })
      expect(await bucket.getRange('empty/object', 0, 0)).toEqual(bytes())
      await expect(bucket.getRange('empty/object', 0, 1)).rejects.toBeInstanceOf(CorruptError)
    })

    claim('overwrites', async () => {
      await bucket.put('over/written', bytes(1, 2, 3))
      const { etag } = await bucket.put('over/written', bytes(9))
      expect(await bucket.get('over/written')).toEqual({ body: bytes(9), etag })
    })

    claim('reads the range [start, end)', async () => {
      await bucket.put('range/a', bytes(0, 1, 2, 3, 4, 5))
      expect(await bucket.getRange('range/a', 0, 6)).toEqual(bytes(0, 1, 2, 3, 4, 5))
      expect(await bucket.getRange('range/a', 2, 4)).toEqual(bytes(2, 3))
      expect(await bucket.getRange('range/a', 5, 6)).toEqual(bytes(5))
      expect(await bucket.getRange('range/a', 3, 3)).toEqual(bytes())
    })

    claim('rejects a range that goes past the end with CorruptError', async () => {
      await bucket.put('range/short', bytes(0, 1, 2))
      await expect(bucket.getRange('range/short', 1, 4)).rejects.toBeInstanceOf(CorruptError)
      await expect(bucket.getRange('range/short', 3, 4)).rejects.toBeInstanceOf(CorruptError)
      await expect(bucket.getRange('range/short', 100, 200)).rejects.toBeInstanceOf(CorruptError)
    })

    claim('refuses a range that is none', async () => {
      for (const [start, end] of [
        [-1, 2],
        [2, 1],
        [0.5, 1],
        [0, Number.NaN],
      ] as const) {
        const error = await bucket.getRange('range/a', start, end).catch((e: unknown) => e)
        expect(isKind(error, 'invalid')).toBe(true)
      }
      expect(isKind(await bucket.getTail('range/a', -1).catch((e: unknown) => e), 'invalid')).toBe(
        true,
      )
    })

    claim('reads the tail, or all of a shorter object, and says its size', async () => {
      const { etag } = await bucket.put('tail/a', bytes(0, 1, 2, 3, 4))
      expect(await bucket.getTail('tail/a', 2)).toEqual({ body: bytes(3, 4), size: 5, etag })
      expect(await bucket.getTail('tail/a', 5)).toEqual({
        body: bytes(0, 1, 2, 3, 4),
        size: 5,
        etag,
      })
      expect(await bucket.getTail('tail/a', 99)).toEqual({
        body: bytes(0, 1, 2, 3, 4),
        size: 5,
        etag,
      })
      expect(await bucket.getTail('tail/a', 0)).toEqual({ body: bytes(), size: 5, etag })
    })

    claim('heads with size, time and the etag of every other way to ask', async () => {
      const { etag } = await bucket.put('head/a', bytes(1, 2, 3))
      const info = await bucket.head('head/a')
      expect(info).toEqual({ key: 'head/a', size: 3, etag, lastModifiedMs: info.lastModifiedMs })
      expect(Number.isFinite(info.lastModifiedMs)).toBe(true)
      expect((await bucket.get('head/a')).etag).toBe(etag)
      expect((await bucket.getTail('head/a', 1)).etag).toBe(etag)
      const [page] = await collectPages(bucket, 'head/a')
      expect(page?.objects.map((object) => [object.key, object.size, object.etag])).toEqual([
        ['head/a', 3, etag],
      ])
    })

    claim(
      'keeps an etag while the object is the same and gives another to other bytes',
      async () => {
        const first = await bucket.put('etag/a', bytes(1))
        expect((await bucket.head('etag/a')).etag).toBe(first.etag)
        expect((await bucket.head('etag/a')).etag).toBe(first.etag)
        const second = await bucket.put('etag/a', bytes(2))
        expect(second.etag).not.toBe(first.etag)
        expect((await bucket.head('etag/a')).etag).toBe(second.etag)
      },
    )

    claim('gives every one of many quick versions an etag of its own', async () => {
      const etags = new Set<string>()
      for (let i = 0; i < 50; i++) etags.add((await bucket.put('etag/quick', bytes(i))).etag)
      expect(etags.size).toBe(50)
    })

    claim('gets only what changed', async () => {
      const first = await bucket.put('changed/a', bytes(1))
      expect(await bucket.getIfChanged('changed/a', first.etag)).toBeUndefined()
      const second = await bucket.put('changed/a', bytes(2))
      expect(await bucket.getIfChanged('changed/a', first.etag)).toEqual({
        body: bytes(2),
        etag: second.etag,
      })
    })

    claim('keeps bytes apart from the arrays they came in and went out by', async () => {
      const body = bytes(1, 2, 3)
      await bucket.put('own/a', body)
      body.fill(9)
      const read = await bucket.get('own/a')
      expect(read.body).toEqual(bytes(1, 2, 3))
    })

    claim('deletes, and does not mind what is not there', async () => {
      await bucket.put('delete/a', bytes(1))
      await bucket.delete('delete/a')
      await expect(bucket.get('delete/a')).rejects.toBeInstanceOf(NotFoundError)
      expect(await collectKeys(bucket, 'delete/')).toEqual([])
      await bucket.delete('delete/a')
      await bucket.delete('delete/never')
    })

    const oddKeys = [
      'odd/with space',
      'odd/quote\'"`',
      'odd/plus+and%percent%2F',
      'odd/ünïcödé-日本-😀',
      'odd/question?hash#amp&equals=',
      'odd/a;b,c:d@e!f(g)*$[h]{i}~|^<j>',
      'odd/.hidden',
      'odd/trailing.',
      'odd/deep/er/and/deeper',
    ]

    claim('takes keys with spaces, quotes, +, % and any unicode', async () => {
      for (const key of oddKeys) {
        const body = new TextEncoder().encode(key)
        const { etag } = await bucket.put(key, body)
        expect(await bucket.get(key)).toEqual({ body, etag })
        expect((await bucket.head(key)).key).toBe(key)
        expect(await bucket.getRange(key, 0, 3)).toEqual(new TextEncoder().encode('odd'))
      }
      expect(await collectKeys(bucket, 'odd/')).toEqual([...oddKeys].sort(compareUtf8))
      expect(await collectKeys(bucket, 'odd/plus+')).toEqual(['odd/plus+and%percent%2F'])
      for (const key of oddKeys) await bucket.delete(key)
      expect(await collectKeys(bucket, 'odd/')).toEqual([])
    })

    claim('streams to keys with spaces, quotes, +, % and any unicode', async () => {
      for (const key of oddKeys) {
        const body = new TextEncoder().encode(key)
        const { etag } = await bucket.putStream(key, partsOf(body))
        expect(await bucket.get(key)).toEqual({ body, etag })
        await bucket.delete(key)
      }
    })

    claim('refuses an empty key, one that is no unicode and one that is too long', async () => {
      for (const key of ['', 'lone\ud800surrogate', 'x'.repeat(1025)]) {
        const errors = await Promise.all([
          bucket.get(key).catch((e: unknown) => e),
          bucket.put(key, bytes(1)).catch((e: unknown) => e),
          bucket.putStream(key, partsOf(bytes(1))).catch((e: unknown) => e),
          bucket.getRange(key, 0, 1).catch((e: unknown) => e),
          bucket.head(key).catch((e: unknown) => e),
          bucket.delete(key).catch((e: unknown) => e),
        ])
        expect(errors.map((error) => isKind(error, 'invalid'))).toEqual(errors.map(() => true))
      }
    })

    claim('lists by UTF-8 bytes', async () => {
      // UTF-16 order would put U+1F600 before U+FF01; '-' and '.' sort before '/', letters behind it.
      const keys = [
        'order/a-b',
        'order/a.b',
        'order/a/b',
        'order/a0',
        'order/aA',
        'order/b',
        'order/！',
        'order/😀',
      ]
      for (const key of [...keys].reverse()) await bucket.put(key, bytes(1))
      expect(await collectKeys(bucket, 'order/')).toEqual(keys)
    })

    claim('lists below a prefix that ends inside of a name', async () => {
      await bucket.put('part/abc/1', bytes(1))
      await bucket.put('part/abd', bytes(1))
      await bucket.put('part/b', bytes(1))
      expect(await collectKeys(bucket, 'part/ab')).toEqual(['part/abc/1', 'part/abd'])
      expect(await collectKeys(bucket, 'part/abc/')).toEqual(['part/abc/1'])
      expect(await collectKeys(bucket, 'part/abc/1')).toEqual(['part/abc/1'])
      expect(await collectKeys(bucket, 'part/x')).toEqual([])
    })

    claim('lists nothing as one empty page', async () => {
      expect(await collectPages(bucket, 'nothing/here/')).toEqual([
        { objects: [], prefixes: [], isLast: true },
      ])
    })

    claim('cuts keys at the delimiter and gives each prefix once', async () => {
      for (const key of ['cut/a/1', 'cut/a/2', 'cut/a.txt', 'cut/b/c/3', 'cut/z'])
        await bucket.put(key, bytes(1))
      expect(await collectKeys(bucket, 'cut/', { delimiter: '/' })).toEqual(['cut/a.txt', 'cut/z'])
      expect(await collectPrefixes(bucket, 'cut/')).toEqual(['cut/a/', 'cut/b/'])
      expect(await collectPrefixes(bucket, 'cut/b')).toEqual(['cut/b/'])
      expect(await collectPrefixes(bucket, 'cut/b/')).toEqual(['cut/b/c/'])
      expect(await collectPrefixes(bucket, 'cut')).toEqual(['cut/'])
    })

    claim('lists only keys behind startAfter', async () => {
      for (const key of ['after/a', 'after/b', 'after/d/1', 'after2']) {
        await bucket.put(key, bytes(1))
      }
      expect(await collectKeys(bucket, 'after/', { startAfter: 'after/a' })).toEqual([
        'after/b',
        'after/d/1',
      ])
      expect(await collectKeys(bucket, 'after/', { startAfter: 'after/aa' })).toEqual([
        'after/b',
        'after/d/1',
      ])
      expect(await collectKeys(bucket, 'after/', { startAfter: 'after/d/1' })).toEqual([])
      expect(await collectKeys(bucket, 'after/', { startAfter: 'a' })).toEqual([
        'after/a',
        'after/b',
        'after/d/1',
      ])
      const cutAfter = (startAfter: string): Promise<string[]> =>
        collectPrefixes(bucket, 'after/', { startAfter })
      expect(await cutAfter('after/b')).toEqual(['after/d/'])
      expect(await cutAfter('after/d/')).toEqual([])
      expect(await cutAfter('after/d/0')).toEqual([])
      expect(await cutAfter('after/e')).toEqual([])
    })

    claim('lists what is in a folder behind the name of the folder', async () => {
      for (const key of ['hours/1/a', 'hours/2/b', 'hours/3/c']) await bucket.put(key, bytes(1))
      for (const startAfter of ['hours/2', 'hours/2/']) {
        expect(await collectKeys(bucket, 'hours/', { startAfter })).toEqual([
          'hours/2/b',
          'hours/3/c',
        ])
      }
    })

    claim('lists more than a thousand keys, in order and each once', async () => {
      const keys = Array.from({ length: 1105 }, (_, i) => `many/${String(i).padStart(5, '0')}`)
      for (let i = 0; i < keys.length; i += 50) {
        await Promise.all(keys.slice(i, i + 50).map((key) => bucket.put(key, bytes(1))))
      }
      expect(await collectKeys(bucket, 'many/')).toEqual(keys)
      expect(await collectKeys(bucket, 'many/', { delimiter: '/' })).toEqual(keys)
      expect(await collectKeys(bucket, 'many/', { startAfter: keys[1050] })).toEqual(
        keys.slice(1051),
      )
      const pages = await collectPages(bucket, 'many/')
      expect(pages.length).toBeGreaterThan(1)
      expect(pages.map(({ isLast }) => isLast)).toEqual(pages.map((_, i) => i === pages.length - 1))
    })

    claim('lists more than a thousand prefixes, in order and each once', async () => {
      const prefixes = Array.from(
        { length: 1010 },
        (_, i) => `folders/${String(i).padStart(5, '0')}/`,
      )
      for (let i = 0; i < prefixes.length; i += 50) {
        await Promise.all(
          prefixes.slice(i, i + 50).map((prefix) => bucket.put(`${prefix}x`, bytes(1))),
        )
      }
      expect(await collectPrefixes(bucket, 'folders/')).toEqual(prefixes)
    })

    claim('creates with ifAbsent once', async () => {
      const { etag } = await bucket.put('absent/a', bytes(1), { ifAbsent: true })
      await expect(bucket.put('absent/a', bytes(2), { ifAbsent: true })).rejects.toBeInstanceOf(
        ConflictError,
      )
      expect(await bucket.get('absent/a')).toEqual({ body: bytes(1), etag })
    })

    claim('creates with ifAbsent again after a delete', async () => {
      await bucket.put('absent/again', bytes(1), { ifAbsent: true })
      await bucket.delete('absent/again')
      await bucket.put('absent/again', bytes(2), { ifAbsent: true })
      expect((await bucket.get('absent/again')).body).toEqual(bytes(2))
    })

    claim('lets one of thirty who create the same object win', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 30 }, (_, i) =>
          bucket.put('race/absent', bytes(i), { ifAbsent: true }),
        ),
      )
      const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []))
      const losses = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
      )
      expect(winners).toHaveLength(1)
      expect(losses.map((error) => isKind(error, 'conflict'))).toEqual(losses.map(() => true))
      expect((await bucket.get('race/absent')).body).toEqual(bytes(winners[0]!))
    })

    claim('replaces with ifMatch only the version that was read', async () => {
      const first = await bucket.put('match/a', bytes(1))
      const second = await bucket.put('match/a', bytes(2), { ifMatch: first.etag })
      await expect(bucket.put('match/a', bytes(3), { ifMatch: first.etag })).rejects.toBeInstanceOf(
        ConflictError,
      )
      expect(await bucket.get('match/a')).toEqual({ body: bytes(2), etag: second.etag })
    })

    claim('rejects ifMatch on an object that is not there with ConflictError', async () => {
      const { etag } = await bucket.put('match/gone', bytes(1))
      await bucket.delete('match/gone')
      await expect(bucket.put('match/gone', bytes(2), { ifMatch: etag })).rejects.toBeInstanceOf(
        ConflictError,
      )
      await expect(bucket.get('match/gone')).rejects.toBeInstanceOf(NotFoundError)
    })

    claim('lets one of thirty who replace the same version win', async () => {
      const { etag } = await bucket.put('race/match', bytes(100))
      const outcomes = await Promise.allSettled(
        Array.from({ length: 30 }, (_, i) => bucket.put('race/match', bytes(i), { ifMatch: etag })),
      )
      const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []))
      expect(winners).toHaveLength(1)
      expect((await bucket.get('race/match')).body).toEqual(bytes(winners[0]!))
    })

    claim('loses no increment of a counter that many raise', async () => {
      await bucket.put('race/counter', bytes(0))
      // Each writer signs, because equal bytes would be taken for one's own after a lost answer.
      async function raise(writer: number): Promise<void> {
        for (;;) {
          const { body, etag } = await bucket.get('race/counter')
          try {
            await bucket.put('race/counter', bytes(body[0]! + 1, writer), { ifMatch: etag })
            return
          } catch (error) {
            if (!isKind(error, 'conflict')) throw error
          }
        }
      }
      async function raiseOften(writer: number): Promise<void> {
        for (let i = 0; i < 4; i++) await raise(writer)
      }
      await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(raiseOften))
      expect((await bucket.get('race/counter')).body[0]).toBe(32)
    })

    claim('refuses ifAbsent together with ifMatch', async () => {
      const error = await bucket
        .put('both/a', bytes(1), { ifAbsent: true, ifMatch: 'etag' })
        .catch((e: unknown) => e)
      expect(isKind(error, 'invalid')).toBe(true)
    })

    claim('streams an object of several parts', async () => {
      const body = patterned(12 * MiB + 345)
      const written = await bucket.putStream('stream/a', partsOf(body, 1 * MiB + 7))
      expect(written.size).toBe(body.length)
      const read = await bucket.get('stream/a')
      expect(read.etag).toBe(written.etag)
      expect(Buffer.compare(read.body, body)).toBe(0)
      const cut = await bucket.getRange('stream/a', 5 * MiB - 3, 5 * MiB + 3)
      expect(cut).toEqual(body.slice(5 * MiB - 3, 5 * MiB + 3))
      const head = await bucket.head('stream/a')
      expect([head.size, head.etag]).toEqual([body.length, written.etag])
    })

    claim('streams parts whose arrays are used again by the writer', async () => {
      const buffer = new Uint8Array(3 * MiB)
      async function* reused(): AsyncGenerator<Uint8Array> {
        for (let i = 1; i <= 3; i++) {
          buffer.fill(i)
          yield buffer
        }
      }
      await bucket.putStream('stream/reused', reused())
      const { body } = await bucket.get('stream/reused')
      expect([body[0], body[3 * MiB], body[6 * MiB], body[9 * MiB - 1]]).toEqual([1, 2, 3, 3])
    })

    claim('streams an object of no parts and one of empty parts', async () => {
      expect((await bucket.putStream('stream/none', partsOf(bytes()))).size).toBe(0)
      expect((await bucket.get('stream/none')).body).toEqual(bytes())
      async function* hollow(): AsyncGenerator<Uint8Array> {
        yield bytes()
        yield bytes(7)
        yield bytes()
      }
      expect((await bucket.putStream('stream/hollow', hollow())).size).toBe(1)
      expect((await bucket.get('stream/hollow')).body).toEqual(bytes(7))
    })

    claim('streams with ifAbsent only onto nothing', async () => {
      const body = patterned(6 * MiB)
      await bucket.putStream('stream/absent', partsOf(body, 2 * MiB), { ifAbsent: true })
      await expect(
        bucket.putStream('stream/absent', partsOf(bytes(1)), { ifAbsent: true }),
      ).rejects.toBeInstanceOf(ConflictError)
      expect((await bucket.head('stream/absent')).size).toBe(6 * MiB)
    })

    claim('streams several parts with ifAbsent only onto nothing', async () => {
      await bucket.put('stream/taken', bytes(1))
      await expect(
        bucket.putStream('stream/taken', partsOf(patterned(11 * MiB), 2 * MiB), { ifAbsent: true }),
      ).rejects.toBeInstanceOf(ConflictError)
      expect((await bucket.get('stream/taken')).body).toEqual(bytes(1))
    })

    claim('streams with ifMatch only onto that version', async () => {
      const first = await bucket.put('stream/match', bytes(1))
      const second = await bucket.putStream('stream/match', partsOf(patterned(11 * MiB), 2 * MiB), {
        ifMatch: first.etag,
      })
      await expect(
        bucket.putStream('stream/match', partsOf(patterned(11 * MiB), 2 * MiB), {
          ifMatch: first.etag,
        }),
      ).rejects.toBeInstanceOf(ConflictError)
      expect((await bucket.head('stream/match')).etag).toBe(second.etag)
    })

    claim('leaves nothing of a stream whose source fails', async () => {
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield patterned(6 * MiB)
        yield patterned(6 * MiB)
        throw new Error('the source broke')
      }
      await expect(bucket.putStream('stream/failed', failing())).rejects.toThrow('the source broke')
      await expect(bucket.head('stream/failed')).rejects.toBeInstanceOf(NotFoundError)
      expect(await collectKeys(bucket, 'stream/failed')).toEqual([])
    })

    claim('keeps the old object when a stream onto it fails', async () => {
      await bucket.put('stream/kept', bytes(1))
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield patterned(6 * MiB)
        throw new Error('the source broke')
      }
      await expect(bucket.putStream('stream/kept', failing())).rejects.toThrow('the source broke')
      expect((await bucket.get('stream/kept')).body).toEqual(bytes(1))
    })

    claim('leaves nothing of a stream that is aborted in the middle', async () => {
      const controller = new AbortController()
      async function* aborting(): AsyncGenerator<Uint8Array> {
        yield patterned(6 * MiB)
        controller.abort()
        yield patterned(6 * MiB)
      }
      const error = await bucket
        .putStream('stream/aborted', aborting(), { signal: controller.signal })
        .catch((e: unknown) => e)
      expect(isKind(error, 'canceled')).toBe(true)
      await expect(bucket.head('stream/aborted')).rejects.toBeInstanceOf(NotFoundError)
    })

    claim('does nothing under a signal that is aborted', async () => {
      await bucket.put('abort/there', bytes(1))
      const options = { signal: AbortSignal.abort() }
      const errors = await Promise.all(
        [
          bucket.get('abort/there', options),
          bucket.getIfChanged('abort/there', 'etag', options),
          bucket.getRange('abort/there', 0, 1, options),
          bucket.getTail('abort/there', 1, options),
          bucket.head('abort/there', options),
          bucket.put('abort/put', bytes(1), options),
          bucket.putStream('abort/stream', partsOf(bytes(1)), options),
          bucket.delete('abort/there', options),
          collectKeys(bucket, 'abort/', options),
        ].map((promise) => promise.then(() => 'done').catch((e: unknown) => e)),
      )
      expect(errors.map((error) => isKind(error, 'canceled'))).toEqual(errors.map(() => true))
      expect(await collectKeys(bucket, 'abort/')).toEqual(['abort/there'])
    })

    claim('stops a listing whose signal is aborted between two pages', async () => {
      // Needs the keys of the test that lists more than a thousand.
      const controller = new AbortController()
      const pages = bucket.list('many/', { signal: controller.signal })[Symbol.asyncIterator]()
      expect((await pages.next()).done).toBe(false)
      controller.abort()
      const error = await pages.next().catch((e: unknown) => e)
      expect(isKind(error, 'canceled')).toBe(true)
    })

    claim('reads and writes many objects at once', async () => {
      const indexes = Array.from({ length: 64 }, (_, i) => i)
      await Promise.all(indexes.map((i) => bucket.put(`parallel/${i}`, patterned(1000 + i))))
      const sizes = await Promise.all(
        indexes.map(async (i) => (await bucket.get(`parallel/${i}`)).body.length),
      )
      expect(sizes).toEqual(indexes.map((i) => 1000 + i))
    })
  })
}

function bytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values)
}

/** Bytes that differ between neighbouring parts, so that a swapped part shows. */
function patterned(length: number): Uint8Array {
  const result = new Uint8Array(length)
  for (let i = 0; i < length; i++) result[i] = (i * 31 + (i >>> 16) * 7) & 0xff
  return result
}

async function* partsOf(body: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < body.length; start += size) yield body.subarray(start, start + size)
}
