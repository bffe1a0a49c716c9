/** Flags that several commands of `thaw rules` have. */
import { list, toggle, type Flag } from '#agent/flags/flag.ts'
import { DomainError } from '#lib/model/errors.ts'
import { FEATURES, type Feature } from '#lib/promql/options.ts'

export const PARSE_FLAGS = {
  'ignore-unknown-fields': toggle('pass over fields that Prometheus does not know'),
  'enable-feature': featureList(),
} as const

/** Names of Prometheus's feature flags, comma separated. */
function featureList(): Flag<readonly Feature[]> {
  return {
    ...list('names', 'experimental PromQL, comma separated; may be repeated'),
    parse(value) {
      const names = value.split(',').filter((name) => name !== '')
      return names.map((name) => {
        const feature = FEATURES.find((known) => known === name)
        if (feature !== undefined) return feature
        throw new DomainError('invalid', `write some of ${FEATURES.join(', ')}`)
      })
    },
  }
}
