/** What a server that scrapes, writes and is administered has, and thaw has not: empty lists, and refusals in Prometheus's words. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'
import { compileRegex } from '#lib/regex/regex.ts'
import { dataAnswer, errorBody, NO_CONTENT, plainError, textAnswer, type Answer } from './answer.ts'
import type { Call } from './call.ts'

export function scrapePools(): Answer {
  return dataAnswer({ scrapePools: [] })
}

export function scrapePoolConfig({ form }: Call): Answer {
  throw noSuchPool(form.get('scrapePool'))
}

export function relabelSteps({ form }: Call): Answer {
  const pool = form.get('scrapePool')
  const labels = form.get('labels')
  if (pool !== '' && labels === '') {
    throw new DomainError('invalid', 'no labels parameter provided')
  }
  if (pool !== '') checkLabelsJson(labels)
  throw noSuchPool(pool)
}

function noSuchPool(pool: string): DomainError {
  const text =
    pool === ''
      ? 'no scrapePool parameter provided'
      : `error retrieving scrape config: scrape pool ${quoteGo(pool)} not found`
  return new DomainError('invalid', text)
}

function checkLabelsJson(text: string): void {
  try {
    const labels: unknown = JSON.parse(text)
    if (typeof labels === 'object') return
  } catch {
    // The reason is below.
  }
  throw new DomainError('invalid', 'error parsing labels: not a JSON object of labels')
}

export function notifications(): Answer {
  return dataAnswer([])
}

/** Nobody can subscribe: an EventSource that is told so does not try again. */
export function notificationsLive(): Answer {
  return NO_CONTENT
}

export function selfMetrics({ form }: Call): Answer {
  const pattern = form.get('metric_name_pattern')
  try {
    compileRegex(pattern)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new DomainError('invalid', `invalid metric_name_pattern: ${error.message}`)
  }
  return dataAnswer([])
}

export function search(): Answer {
  return disabled('search API disabled')
}

export function admin(): Answer {
  return disabled('admin APIs disabled')
}

/** Prometheus answers 500 for what is switched off. */
function disabled(error: string): Answer {
  return errorBody({ status: 500, errorType: 'unavailable' }, error)
}

export function remoteWrite(): Answer {
  return plainError(
    404,
    'remote write receiver needs to be enabled with --web.enable-remote-write-receiver',
  )
}

export function otlpWrite(): Answer {
  return plainError(404, 'otlp write receiver needs to be enabled with --web.enable-otlp-receiver')
}

export function lifecycle({ request }: Call): Answer {
  if (request.method === 'GET') return textAnswer(405, 'Only POST or PUT requests allowed')
  return textAnswer(403, 'Lifecycle API is not enabled.')
}
