/** Whether rules are evaluated, and whether alerts reach somebody. */
import { countText, spanText } from '#lib/compact/plan/plan-text.ts'
import type { StoredRuleFile } from '#lib/rules/file/rule-files.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { type Finding, type Known, some, verdicts } from './finding.ts'

export interface RuleFacts {
  /** Of the bucket. */
  readonly files: Known<readonly StoredRuleFile[]>
  /** Undefined where no ruler ever ran. */
  readonly state: Known<RulerState | undefined>
}

/** The clock wakes the ruler each minute. */
const TICK_LATE_MS = 180_000

const RULER =
  'look at the log and the alarms of the rule function; without functions: thaw rule --objstore.config-file=…'

/** One finding alone where there are no rules: then no ruler is needed. */
export function judgeRules({ files, state }: RuleFacts, nowMs: number): readonly Finding[] {
  const { ok, wrong, unchecked } = verdicts('rules', 'ruler')
  if ('failed' in files) return [unchecked(`rule files can't be listed: ${files.failed}`)]
  if ('failed' in state) {
    if (state.isDenied) {
      return [unchecked(`these credentials may not read the state of the ruler: ${state.failed}`)]
    }
    return [
      wrong(`the state of the ruler can't be read: ${state.failed}`, {
        next: 'the ruler puts it aside under thaw/rule/broken/ and begins anew; one of a later version wants a later thaw',
      }),
    ]
  }
  const ruler = state.value
  if (ruler === undefined) {
    return files.value.length === 0
      ? [
          unchecked('there are no rules', {
            next: 'thaw rules push rules/ --objstore.config-file=…',
          }),
        ]
      : [
          wrong(`no ruler ever ran, for ${countText(files.value.length, 'rule file')}`, {
            next: RULER,
          }),
        ]
  }
  const ageMs = nowMs - ruler.updatedMs
  const tick =
    ageMs < TICK_LATE_MS
      ? ok(
          `the last tick was ${spanText(Math.max(0, ageMs))} ago, of ${countText(ruler.groups.length, 'group')}`,
        )
      : wrong(`the last tick was ${spanText(ageMs)} ago, and one is due each minute`, {
          next: RULER,
        })
  return [tick, judgeFiles(files.value, ruler, nowMs), judgeGroups(ruler), judgeMissed(ruler)]
}

function judgeFiles(files: readonly StoredRuleFile[], ruler: RulerState, nowMs: number): Finding {
  const { ok, wrong } = verdicts('rules', 'rule files')
  const known = new Map(ruler.files.map((file) => [file.name, file]))
  const bad = ruler.files.flatMap(({ name, error }) =>
    error === undefined ? [] : [`${name}: ${error}`],
  )
  // One of just now is read with the next tick.
  const unread = files.filter(
    ({ name, etag, lastModifiedMs }) =>
      known.get(name)?.etag !== etag && nowMs - lastModifiedMs > TICK_LATE_MS,
  )
  if (bad.length > 0) {
    return wrong("a rule file can't be used, its last good groups go on", {
      seen: some(bad),
      next: 'thaw rules check rules/ finds the same; thaw rules push puts the mended file there',
    })
  }
  // Files of a ruler that runs elsewhere are on its own disk.
  if (unread.length === 0 || known.size === 0)
    return ok(`the ruler has read ${countText(ruler.files.length, 'rule file')}`)
  return wrong('the ruler has not read the rule files that are there now', {
    seen: some(unread.map(({ name }) => name)),
    next: RULER,
  })
}

function judgeGroups({ groups }: RulerState): Finding {
  const { ok, wrong } = verdicts('rules', 'evaluations')
  const failing = groups.flatMap(({ file, config, state }) =>
    state.rules.flatMap(({ health, lastError }, i) => {
      if (health !== 'err') return []
      const rule = config.rules[i]
      const name = rule === undefined ? i : rule.type === 'alerting' ? rule.alert : rule.record
      return [`${file}, group ${config.name}, ${name}: ${lastError}`]
    }),
  )
  if (failing.length === 0) return ok('every rule was evaluated without an error')
  return wrong(failing.length === 1 ? 'a rule fails' : `${failing.length} rules fail`, {
    seen: some(failing),
    next: 'try its expression with thaw query, mend the file, and push it: thaw rules push',
  })
}

function judgeMissed({ groups }: RulerState): Finding {
  const { ok, warning } = verdicts('rules', 'missed evaluations')
  const missed = groups.filter((group) => group.missed > 0)
  if (missed.length === 0) return ok('no evaluation was ever missed')
  return warning('evaluations were missed since the groups are there, as they came too late', {
    seen: some(missed.map((group) => `${group.file}, group ${group.config.name}: ${group.missed}`)),
    next: 'where the number grows: is rule throttled or too slow (its log has milliseconds of each tick); --rule.catch-up makes up for longer outages',
  })
}
