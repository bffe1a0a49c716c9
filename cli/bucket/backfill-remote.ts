/** The part of `thaw bucket backfill` that asks another server. */
import { resolveTime } from '#agent/duration.ts'
import { duration, list, path, text, time } from '#agent/flags/flag.ts'
import { agentHttpClient, prometheusClient } from '#agent/prometheus/prometheus-client.ts'
import { remoteRead } from '#agent/prometheus/remote-read.ts'
import { backfillSeries } from '#lib/backfill/backfill-series.ts'
import type { BackfillTarget } from '#lib/backfill/target.ts'
import { blockDurationMs } from '#lib/backfill/windows.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { parseMetricSelector } from '#lib/promql/parse/parse.ts'
import type { BackfillParts } from './backfill.ts'
import { configText } from './config-text.ts'
import { progressBar } from './progress.ts'

export const REMOTE_FLAGS = {
  'remote-read.url': text(
    '',
    'server whose /api/v1/read is asked, such as http://prometheus:9090',
    'url',
  ),
  'remote-read.http-client-config': text(
    '',
    'YAML of TLS, users and headers for it, as for Thanos',
    'yaml',
  ),
  'remote-read.http-client-config-file': path('', 'file with that YAML'),
  'remote-read.timeout': duration('5m', 'how long small questions to it may take'),
  start: time(
    '0000-01-01T00:00:00Z',
    'oldest sample that is read, or -15d; needed for --remote-read.url',
  ),
  end: time('0000-01-01T00:00:00Z', 'samples from then on are not read, or -2h; needed too'),
  match: list(
    'selector',
    `series that are read, such as '{job="node"}' (all if not given); may be repeated`,
  ),
} as const

/** Every series. */
const ALL = '{__name__!=""}'

export async function backfillRemote(
  { flags, signal, context }: BackfillParts,
  target: BackfillTarget,
): Promise<void> {
  const nowMs = context.now()
  const startMs = resolveTime(flags.start, nowMs)
  const endMs = resolveTime(flags.end, nowMs)
  if (startMs >= endMs || startMs < YEAR_1) {
    throw new DomainError('invalid', 'give --start and --end, the older one first')
  }
  const yaml = await configText(
    {
      flag: 'remote-read.http-client-config',
      text: flags['remote-read.http-client-config'],
      file: flags['remote-read.http-client-config-file'],
    },
    context.env,
  )
  const server = prometheusClient({
    url: flags['remote-read.url'],
    timeoutMs: flags['remote-read.timeout'],
    http: agentHttpClient(yaml, context.env),
  })
  const bar = progressBar(context)
  try {
    for (const selector of flags.match.length > 0 ? flags.match : [ALL]) {
      const matchers = parseMetricSelector(selector)
      await backfillSeries(
        {
          name: `${server.url} ${selector}`,
          read: (minTimeMs, last) =>
            remoteRead(server, { matchers, minTimeMs, maxTimeMs: last }, signal),
          labels: labelsFrom(Object.fromEntries(flags['series-label'])),
          startMs,
          endMs,
          durationMs: blockDurationMs(flags['max-block-duration']),
          onSeries: (window, series) =>
            bar.show(window.startMs - startMs, endMs - startMs, `${series} series`),
        },
        {
          ...target,
          onBlock(block) {
            bar.end()
            target.onBlock?.(block)
          },
        },
      )
    }
  } finally {
    bar.end()
    server.close()
  }
}

/** What was not given is in year 0. */
const YEAR_1 = -62_135_596_800_000
