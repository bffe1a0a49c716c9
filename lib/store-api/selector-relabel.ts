/** Thanos's `--selector.relabel-config`: which blocks a store shows, by rules over external labels and `__block_id`. */
import { type Labels, setLabel } from '#lib/model/labels.ts'
import { relabeler } from '#lib/relabel/relabel.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'

/** Whether a block with these labels and this id is shown. */
export type BlockSelector = (labels: Labels, id: string) => boolean

/** The actions keep, drop and hashmod, as in Prometheus. '' shows all blocks. Throws `invalid`. */
export function parseSelector(yaml: string): BlockSelector {
  const configs = parseRelabelConfigs(yaml, 'selector.relabel-config', ['keep', 'drop', 'hashmod'])
  const relabel = relabeler(configs)
  return (labels, id) => relabel(setLabel(labels, '__block_id', id)).length > 0
}
