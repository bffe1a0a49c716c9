/** Says what a bucket refuses to its user, once for each right: also where whoever asked can do without, and goes on. */
import type { DomainError } from '#lib/model/errors.ts'

export interface Denial {
  /** As policies name it. */
  readonly action: string
  /** Undefined where it is the bucket. */
  readonly key?: string | undefined
  /** Of the kind 'unauthorized'. */
  readonly error: DomainError
}

export interface DenialTeller {
  readonly now: () => number
  readonly warn: (message: string) => void
}

const AGAIN_MINUTES = 10
/** Where keys are of so many kinds, one more line would help nobody. */
const MAX_KINDS = 32

/** For `denied` of `openBucket`. Other keys of the same kind, and the same again, are told of ten minutes later. */
export function tellDenials({ now, warn }: DenialTeller): (denial: Denial) => void {
  const toldMs = new Map<string, number>()
  return ({ action, key, error }) => {
    const nowMs = now()
    for (const [kind, ms] of toldMs) if (nowMs - ms >= AGAIN_MINUTES * 60_000) toldMs.delete(kind)
    const kind = `${action} ${kindOfKey(key ?? '')}`
    if (toldMs.has(kind) || toldMs.size >= MAX_KINDS) return
    toldMs.set(kind, nowMs)
    warn(`${error.message}; said once in ${AGAIN_MINUTES} minutes`)
  }
}

/** Names with a digit in them are of one of many: blocks, hours, hashes. */
function kindOfKey(key: string): string {
  return key
    .split('/')
    .map((name) => (/\d/.test(name) ? '*' : name))
    .join('/')
}
