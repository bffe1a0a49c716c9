/** The part of `thaw serve` that evaluates rules: what the function `rule` does, by a clock of its own. */
import { ruleSettings } from '#lib/lambda/rule-flags.ts'
import { readFlagLine } from '#lib/lambda/parse-flags.ts'
import { openCliEndpoints } from '../cli-endpoints.ts'
import { KeepTicking } from '../rule/keep-ticking.ts'
import { Ruler } from '../rule/ruler.ts'
import type { OpenPart, PartParts } from './part-work.ts'

export async function rulePart(parts: PartParts): Promise<OpenPart> {
  const { data, bucket, logger, now, signal, tell } = parts
  const settings = readFlagLine('--rule.flags', data.flags, ruleSettings)
  const log = (message: string): void => logger.warn({}, message)
  const endpoints = await openCliEndpoints(settings.endpoints, { now, log })
  await endpoints?.update()
  const ruler = new Ruler({
    settings,
    bucket,
    cacheBytes: data.cacheBytes,
    sources: endpoints && (() => endpoints.sources()),
    env: data.env,
    now,
    // A tick that runs is waited for; who can't wait ends the thread.
    killSignal: new AbortController().signal,
  })
  await ruler.open()
  const ticking = new KeepTicking()
  const tick = async (): Promise<void> => {
    const error = await ruler.loggedTick(logger)
    if (error === undefined) tell({ type: 'worked' })
    else tell({ type: 'failed', message: error.message })
  }
  return {
    async run() {
      tell({ type: 'ready' })
      const watching = endpoints?.run(signal)
      try {
        await ticking.run({ periodMs: settings.tick.evalIntervalMs, now, signal, tick })
        await watching
      } finally {
        ruler.close()
        endpoints?.close()
      }
    },
    async reload() {
      await ruler.open()
      ticking.wake()
    },
  }
}
