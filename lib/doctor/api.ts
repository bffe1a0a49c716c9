/** Whether the HTTP API answers, to whom, and with what it should. */
import { spanText } from '#lib/compact/plan/plan-text.ts'
import { formatLabels, type Labels, labelValue } from '#lib/model/labels.ts'
import { type Finding, type Known, some, verdicts } from './finding.ts'

/** Of one request; `text` is what came in one line, not all of it. */
export interface Answered {
  readonly status: number
  readonly text: string
}

/** What a Prometheus API says of itself; thaw has its own version as the revision. */
export interface Build {
  readonly version?: string | undefined
  readonly revision?: string | undefined
  readonly branch?: string | undefined
}

export interface ApiFacts {
  readonly url: string
  /** Buildinfo, with the credentials that were given. */
  readonly build: Known<Answered & { readonly build?: Build | undefined }>
  /** Its clock less that of this machine. */
  readonly clockAheadMs?: number | undefined
  /** The same without credentials, and with wrong ones. */
  readonly withoutToken: Known<Answered>
  readonly wrongToken: Known<Answered>
  readonly gaveToken: boolean
}

const isRefused = (status: number): boolean => status === 401 || status === 403

/** `why`: of the credentials, where the tokens of the bucket tell. */
export function judgeApi(api: ApiFacts, own: string, why: string | undefined): Finding {
  const { ok, warning, wrong, unchecked } = verdicts('api', 'answers')
  const { gaveToken, clockAheadMs = 0 } = api
  if ('failed' in api.build) {
    return wrong(`the API does not answer: ${api.build.failed}`, {
      next: 'correct --url (output Url of the stack), or see whether the function runs',
    })
  }
  const { status, text, build } = api.build.value
  if (isRefused(status)) {
    if (!gaveToken) {
      return unchecked('the API wants a token, and none was given', {
        next: 'thaw token create doctor --expires=1d makes one, --token-file=… gives it',
      })
    }
    return wrong(`the API refuses these credentials: ${why ?? `${status} ${text}`.trim()}`, {
      next: 'thaw token list --all tells which there are; thaw token create makes another',
    })
  }
  if (status === 429) {
    return wrong('the API is asked more than it lets in (429)', {
      next: 'context requestsPerSecond is its rate; the dashboard of the stack tells who asks',
    })
  }
  if (status >= 500) {
    return wrong(`the API answers ${status}${text && `: ${text}`}`, {
      next: 'the log of the query function says why; 503 with no more words is a throttled account',
    })
  }
  if (status !== 200 || build?.version === undefined) {
    return wrong(`what answers at ${api.url} is no Prometheus API: ${status} ${text}`.trim(), {
      next: 'correct --url: without /api/v1 and without /graph',
    })
  }
  if (Math.abs(clockAheadMs) > 30_000) {
    return warning(
      `the clock of this machine is ${spanText(Math.abs(clockAheadMs))} ${clockAheadMs > 0 ? 'behind' : 'ahead of'} that of the API`,
      { next: 'set it by NTP: timedatectl set-ntp true' },
    )
  }
  if (build.branch !== 'thaw') {
    return warning(`what answers is no thaw, but a Prometheus API of version ${build.version}`, {
      next: 'correct --url: the output Url of the stack, or where thaw serve listens',
    })
  }
  const { revision = '' } = build
  // A function has the number of its deployment instead.
  if (/^\d+\.\d+\./.test(revision) && revision !== own) {
    return warning(`the API is version ${revision}, this is ${own}`, {
      next: 'deploy the version that you mean; both understand the same bucket',
    })
  }
  return ok(`thaw answers, revision ${revision}`)
}

export function judgeDoor({ url, withoutToken, wrongToken }: ApiFacts): Finding {
  const { ok, wrong, unchecked } = verdicts('api', 'door')
  if ('failed' in withoutToken || 'failed' in wrongToken) {
    return unchecked('the API does not answer')
  }
  const isOpen = !isRefused(withoutToken.value.status)
  if (!isOpen && isRefused(wrongToken.value.status)) {
    return ok('nobody is let in without a token, nor with a wrong one')
  }
  if (withoutToken.value.status >= 400 && isOpen) {
    return unchecked(`without a token the API answers ${withoutToken.value.status}`)
  }
  if (isLoopback(url)) return ok('everybody is let in, at an address of this machine alone')
  return wrong(
    isOpen
      ? 'the API ANSWERS ANYBODY: whoever reaches it reads every metric without a token'
      : 'the API takes a wrong token for a right one',
    {
      next: 'thaw serve --auth.tokens asks for tokens, as the deployed stack does; until then let nobody reach the port',
    },
  )
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

/** What the API has of a source, beside what the bucket has. */
export interface Freshness {
  readonly labels: Labels
  /** The newest time of the source in the bucket. */
  readonly bucketMs: number
  /** Newest sample that a query finds there; undefined where it finds none. */
  readonly found: Known<number | undefined>
  readonly metric: string
}

/** As far as queries look back. */
const LOOKBACK_MS = 300_000

/** `tenant`: of the token; a source of another one is not for its eyes. */
export function judgeFreshness(sources: readonly Freshness[], tenant: string | undefined): Finding {
  const { ok, wrong, unchecked } = verdicts('api', 'newest samples')
  const seen = sources.filter(({ labels }) => {
    const owner = labelValue(labels, 'tenant_id')
    return tenant === undefined || owner === '' || owner === tenant
  })
  if (seen.length === 0) return unchecked('there is no source of these days to ask for')
  const missing = seen.flatMap(({ labels, bucketMs, found, metric }) => {
    const name = formatLabels(labels)
    if ('failed' in found) return [`${name}: ${found.failed}`]
    const { value } = found
    const at = new Date(bucketMs).toISOString()
    if (value === undefined) return [`${name}: no sample of ${metric} at ${at}`]
    return bucketMs - value > LOOKBACK_MS
      ? [`${name}: none since ${new Date(value).toISOString()}`]
      : []
  })
  if (missing.length === 0) {
    return ok('queries find the newest samples of every source')
  }
  return wrong(
    `queries do not find the newest samples of ${missing.length} of ${seen.length} sources`,
    {
      seen: some(missing),
      next: 'is the API over this bucket (THAW_OBJSTORE_CONFIG of the query function), may it read thaw/fresh/, and does the token see this tenant',
    },
  )
}

export interface WrittenNow {
  readonly labels: Labels
  /** Newest `up` in Prometheus itself, and by the API. */
  readonly writtenMs: number
  readonly found: Known<number | undefined>
}

/** `thaw agent` puts samples into the bucket each half minute. */
const ARRIVES_MS = 120_000

export function judgeWrittenNow({ labels, writtenMs, found }: WrittenNow): Finding {
  const { ok, warning, wrong } = verdicts('api', `a sample of ${formatLabels(labels)}`)
  if ('failed' in found) return wrong(`a query fails: ${found.failed}`)
  const { value } = found
  if (value === undefined) {
    return warning('queries do not find what Prometheus has scraped just now', {
      next: 'samples of the last hours come with fresh blocks: thaw agent without --no-fresh; else they are there when a block is, after three hours',
    })
  }
  const behindMs = Math.max(0, writtenMs - value)
  if (behindMs <= ARRIVES_MS) {
    return ok(`what Prometheus scrapes is found by queries after ${spanText(behindMs)}`)
  }
  return warning(`queries are ${spanText(behindMs)} behind Prometheus`, {
    next: 'the log of the agent says what holds it up; --fresh.interval is how often it puts samples into the bucket',
  })
}
