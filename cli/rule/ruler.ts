/** A ruler that stays: opened by its flags, ticking, and opened again when their files changed. */
import { ulid } from 'ulid'
import type { Logger } from '#agent/logger.ts'
import { VERSION } from '#agent/version.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type OpenRuler, openRuler } from '#lib/lambda/open-ruler.ts'
import type { RuleSettings } from '#lib/lambda/rule-flags.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import { type TickReport, tickText } from '#lib/rules/tick/tick-report.ts'
import type { RuleFiles } from '#lib/rules/tick/tick-parts.ts'
import type { SeriesSource } from '#lib/store/series-source.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

export interface RulerSetting {
  readonly settings: RuleSettings
  readonly bucket: Bucket
  /** Those of the bucket without it. */
  readonly files?: RuleFiles | undefined
  readonly cacheBytes: number
  readonly sources?: (() => Promise<readonly SeriesSource[]>) | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly now: () => number
  /** Ends a tick at once. */
  readonly killSignal: AbortSignal
}

/** A tick may take longer than to the next: then that one is left out. */
const LEAST_TICK_MS = 60_000

export class Ruler {
  readonly #setting: RulerSetting
  readonly #cache: StoreCache
  #open: OpenRuler | undefined

  constructor(setting: RulerSetting) {
    this.#setting = setting
    this.#cache = new StoreCache(setting.cacheBytes)
  }

  /** Reads the files of flags, also once more. Rejects with 'invalid' where they can't be used: then all is as it was. */
  async open(): Promise<void> {
    const { settings, bucket, files = bucketRuleFiles(bucket), sources, env, now } = this.#setting
    const open = await openRuler({
      settings,
      bucket,
      files,
      cache: this.#cache,
      sources,
      env,
      userAgent: `thaw-rule/${VERSION}`,
      owner: `thaw rule, process ${process.pid}`,
      now,
      newUlid: () => ulid(),
    })
    this.#open?.close()
    this.#open = open
  }

  tick(): Promise<TickReport> {
    const { settings, now, killSignal } = this.#setting
    const ms = Math.max(LEAST_TICK_MS, settings.tick.evalIntervalMs)
    return runTick(this.#open!.parts, { deadlineMs: now() + ms, signal: killSignal })
  }

  /** Never rejects: the error, where it failed. */
  async loggedTick(logger: Logger): Promise<Error | undefined> {
    try {
      const report = await this.tick()
      for (const problem of report.problems) logger.warn({}, problem)
      const { problems: _problems, ...numbers } = report
      logger.info(numbers, tickText(report))
      return undefined
    } catch (error) {
      logger.error({ err: error }, 'the tick failed, the next one goes on')
      return error as Error
    }
  }

  close(): void {
    this.#open?.close()
  }
}
