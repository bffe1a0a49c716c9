/** What a server says of itself: build, flags, features, health. */
import { dataAnswer, textAnswer, type Answer } from './answer.ts'
import type { Call } from './call.ts'
import { stringifyJson } from './json-bytes.ts'

export function buildInfo({ parts }: Call): Answer {
  return dataAnswer(parts.build)
}

export function version({ parts }: Call): Answer {
  return textAnswer(200, `${stringifyJson(parts.build)}\n`)
}

export function runtimeInfo({ parts }: Call): Answer {
  const started = new Date(parts.startedMs).toISOString()
  return dataAnswer({
    startTime: started,
    CWD: '',
    hostname: '',
    serverTime: new Date(parts.now()).toISOString(),
    reloadConfigSuccess: true,
    lastConfigTime: started,
    corruptionCount: 0,
    goroutineCount: 1,
    GOMAXPROCS: 1,
    GOMEMLIMIT: 0,
    GOGC: '',
    GODEBUG: '',
    storageRetention: '',
  })
}

export function flags({ parts }: Call): Answer {
  const { engine, limits, scope } = parts
  return dataAnswer({
    'enable-feature': [...engine.features].sort().join(','),
    'query.lookback-delta': `${engine.lookbackMs / 1000}s`,
    'query.max-samples': String(engine.maxSamples),
    'query.partial-response': String(scope.partialResponse),
    'query.replica-label': scope.replicaLabels.join(','),
    'query.timeout': `${limits.timeoutMs / 1000}s`,
    ...parts.flags,
  })
}

export function config({ parts }: Call): Answer {
  return dataAnswer({ yaml: parts.configYaml ?? '' })
}

/** Nothing is replayed. */
export function walReplay(): Answer {
  return dataAnswer({ min: 0, max: 0, current: 0 })
}

export function healthy({ parts }: Call): Answer {
  const state = parts.healthy?.() ?? true
  if (state === true) return textAnswer(200, 'thaw is Healthy.\n')
  return textAnswer(503, `Service Unavailable${parts.door ? '' : `: ${state}`}\n`)
}

export async function ready({ parts }: Call): Promise<Answer> {
  const state = (await parts.ready?.()) ?? true
  if (state === true) return textAnswer(200, 'thaw is Ready.\n')
  // Where there is a door, whoever stands before it is not told what is behind.
  if (parts.door) return textAnswer(503, 'Service Unavailable\n')
  return textAnswer(503, `Service Unavailable: ${state}\n`)
}

export async function metrics({ parts }: Call): Promise<Answer> {
  const text = (await parts.metrics?.()) ?? ''
  return textAnswer(200, text, 'text/plain; version=0.0.4; charset=utf-8')
}
