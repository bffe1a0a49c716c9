/**
 * A listing pays for a page of a thousand keys, whatever of it was asked for. This wrapper keeps the last page that a listing read, and answers
 * from it what comes behind: all that is read of a small bucket, in the order of keys, is one request.
 *
 * What it answers may be as old as the last listing of everything (`list('')`), which always asks the store. So it is made for one look at a
 * bucket, and given up after it.
 */
import { compareUtf8 } from '#lib/model/labels.ts'
import type { Bucket, ListPage, ObjectInfo } from './bucket.ts'

/** All keys there are behind `after`, up to `upTo`. */
interface KeptPage {
  readonly after: string
  /** Undefined: to the end. */
  readonly upTo: string | undefined
  readonly objects: readonly ObjectInfo[]
}

export function pageKeepingBucket(inner: Bucket): Bucket {
  let kept: KeptPage | undefined

  /** Everything behind a key, page by page. */
  async function* pagesAfter(
    after: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<KeptPage> {
    let from = after
    const options = { ...(after !== '' && { startAfter: after }), signal }
    for await (const { objects, isLast } of inner.list('', options)) {
      const last = objects.at(-1)?.key ?? from
      const page = { after: from, upTo: isLast ? undefined : last, objects }
      kept = page
      from = last
      yield page
    }
  }

  return {
    ...inner,
    async *list(prefix, options) {
      const { delimiter, startAfter, signal } = options ?? {}
      if (delimiter !== undefined || startAfter !== undefined) {
        yield* inner.list(prefix, options)
        return
      }
      if (prefix === '') {
        kept = undefined
        for await (const { objects, upTo } of pagesAfter('', signal)) {
          yield { objects, prefixes: [], isLast: upTo === undefined }
        }
        return
      }
      // No key before its last character has the prefix.
      let after = prefix.slice(0, -1)
      if (kept && reaches(kept, prefix)) {
        after = kept.upTo ?? ''
        const page = pageOf(kept, prefix)
        yield page
        if (page.isLast) return
      }
      for await (const page of pagesAfter(after, signal)) {
        const found = pageOf(page, prefix)
        yield found
        if (found.isLast) return
      }
    },
  }
}

/** Whether the first keys with the prefix would be in it. */
function reaches({ after, upTo }: KeptPage, prefix: string): boolean {
  return compareUtf8(after, prefix) < 0 && (upTo === undefined || compareUtf8(upTo, prefix) >= 0)
}

/** What of it has the prefix. */
function pageOf({ upTo, objects }: KeptPage, prefix: string): ListPage {
  const isLast = upTo === undefined || (compareUtf8(upTo, prefix) > 0 && !upTo.startsWith(prefix))
  return { objects: objects.filter(({ key }) => key.startsWith(prefix)), prefixes: [], isLast }
}
