/** thaw's own ruler as a source of rules and alerts: what its last tick left. */
import { labelsFrom, mergeLabels } from '#lib/model/labels.ts'
import type { RuleGroup } from '#lib/storage/rules.ts'
import type { Source, Told } from '#lib/storage/source.ts'
import type { RulerReader } from './ruler-reader.ts'
import { shownGroup } from './shown-group.ts'
import type { RulerState } from './tick/ruler-state.ts'

/** Rules and alerts carry the ruler's external labels, as those of Thanos's ruler do, and as their samples do. */
export function rulesSource(ruler: RulerReader): Source {
  const shown = new WeakMap<RulerState, Told<readonly RuleGroup[]>>()
  return {
    name: 'the ruler',
    async rules(_request, _scope, signal) {
      const state = await ruler.state(signal)
      if (!state) return { value: [], warnings: [] }
      let told = shown.get(state)
      if (!told) shown.set(state, (told = tell(state)))
      return told
    },
  }
}

function tell({ groups, files, externalLabels }: RulerState): Told<readonly RuleGroup[]> {
  const external = labelsFrom(externalLabels)
  return {
    value: groups.map((entry) => shownGroup(entry, (labels) => mergeLabels(labels, external))),
    warnings: files.flatMap(({ name, error }) =>
      error === undefined ? [] : [`rule file ${name} can't be used: ${error}`],
    ),
  }
}
