/** label_replace() and label_join(): other labels, same samples. */
import { DomainError } from '#lib/model/errors.ts'
import { labelValue, METRIC_NAME, setLabel, type Labels } from '#lib/model/labels.ts'
import { compileRegex } from '#lib/regex/regex.ts'
import type { VectorOperator } from './column.ts'
import { mergeEqualLabels } from './merge-series.ts'

/** What becomes of a label set; undefined leaves the series as it is. */
type Relabel = (labels: Labels) => string | undefined

export function labelReplace(input: VectorOperator, args: readonly string[]): VectorOperator {
  const [destination = '', replacement = '', source = '', pattern = ''] = args
  let regex
  try {
    regex = compileRegex(pattern)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new DomainError(
      'execution',
      `invalid regular expression in label_replace(): ${pattern}`,
      { cause: error },
    )
  }
  checkLabelName(destination, 'destination', 'label_replace')
  return relabelled(input, destination, (labels) =>
    regex.replaceFull(labelValue(labels, source), replacement),
  )
}

export function labelJoin(input: VectorOperator, args: readonly string[]): VectorOperator {
  const [destination = '', separator = '', ...sources] = args
  for (const source of sources) checkLabelName(source, 'source', 'label_join')
  checkLabelName(destination, 'destination', 'label_join')
  return relabelled(input, destination, (labels) =>
    sources.map((source) => labelValue(labels, source)).join(separator),
  )
}

function relabelled(input: VectorOperator, destination: string, relabel: Relabel): VectorOperator {
  const heads = input.heads.map((head) => {
    const value = relabel(head.labels)
    if (value === undefined) return head
    return {
      labels: setLabel(head.labels, destination, value),
      // A name that was set on purpose stays.
      dropName: destination === METRIC_NAME ? false : head.dropName,
    }
  })
  return mergeEqualLabels({ heads, column: (index) => input.column(index) })
}

function checkLabelName(name: string, role: string, func: string): void {
  if (name !== '' && name.isWellFormed()) return
  throw new DomainError('execution', `invalid ${role} label name in ${func}(): ${name}`)
}
