/** targets, and targets/metadata, of which nobody tells: those who scrape give metadata of metrics, not of targets. */
import { formatPreciseTime } from '#lib/model/precise-time.ts'
import { parseMetricSelector } from '#lib/promql/parse/parse.ts'
import { askTargets } from '#lib/storage/ask-sources.ts'
import type { ActiveTarget, DroppedTarget } from '#lib/storage/targets.ts'
import { dataAnswer, type Answer } from './answer.ts'
import { withParam, type Call } from './call.ts'
import { optionalNumber } from './params.ts'
import { askSources } from './source-routes.ts'
import { documentAnswer, LabelsDocument, type Document } from './write-document.ts'

export async function targets(call: Call): Promise<Answer> {
  const { form, parts } = call
  const state = form.fromUrl('state').toLowerCase()
  const isAny = state === '' || state === 'any'
  const request = {
    active: isAny || state === 'active',
    dropped: isAny || state === 'dropped',
    scrapePool: form.fromUrl('scrapePool') || undefined,
  }
  const { value: found, warnings } = await askSources(call, request, askTargets)
  const data = {
    activeTargets: found.active.map(activeTarget),
    droppedTargets: found.dropped.map(droppedTarget),
    droppedTargetCounts: request.dropped ? found.droppedCounts : null,
  }
  return documentAnswer(data, warnings, parts.limits.maxAnswerBytes)
}

function activeTarget(target: ActiveTarget): Document {
  return {
    discoveredLabels: new LabelsDocument(target.discoveredLabels),
    labels: new LabelsDocument(target.labels),
    scrapePool: target.scrapePool,
    scrapeUrl: target.scrapeUrl,
    globalUrl: target.globalUrl,
    lastError: target.lastError,
    lastScrape: formatPreciseTime(target.lastScrape),
    lastScrapeDuration: target.lastScrapeSeconds,
    health: target.health,
    scrapeInterval: target.scrapeInterval,
    scrapeTimeout: target.scrapeTimeout,
  }
}

function droppedTarget({ discoveredLabels, scrapePool }: DroppedTarget): Document {
  return { discoveredLabels: new LabelsDocument(discoveredLabels), scrapePool }
}

export function targetsMetadata({ form }: Call): Answer {
  optionalNumber(form.get('limit'), 'limit')
  const match = form.get('match_target')
  if (match !== '') withParam('match_target', () => parseMetricSelector(match))
  return dataAnswer([])
}
