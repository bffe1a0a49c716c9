/** Many label sets as compact JSON: each string once. */
import type { Labels } from '#lib/model/labels.ts'

/** `refs`: for each label set its number of labels, then for each label the places of its name and value in `symbols`. */
export interface SeriesList {
  readonly symbols: readonly string[]
  readonly refs: readonly number[]
}

export const NO_SERIES: SeriesList = { symbols: [], refs: [] }

export function packSeries(series: readonly Labels[]): SeriesList {
  const symbols: string[] = []
  const refs: number[] = []
  const places = new Map<string, number>()
  for (const labels of series) {
    refs.push(labels.length / 2)
    for (const text of labels) {
      let place = places.get(text)
      if (place === undefined) {
        place = symbols.length
        places.set(text, place)
        symbols.push(text)
      }
      refs.push(place)
    }
  }
  return { symbols, refs }
}

export function unpackSeries({ symbols, refs }: SeriesList): Labels[] {
  const series: Labels[] = []
  for (let at = 0; at < refs.length;) {
    const end = at + 1 + refs[at]! * 2
    const labels: string[] = []
    for (at++; at < end; at++) labels.push(symbols[refs[at]!]!)
    series.push(labels)
  }
  return series
}

/** The list itself where it has these very series in this order, as it mostly has. */
export function repackSeries(list: SeriesList, series: readonly Labels[]): SeriesList {
  return holds(list, series) ? list : packSeries(series)
}

function holds({ symbols, refs }: SeriesList, series: readonly Labels[]): boolean {
  let at = 0
  for (const labels of series) {
    if (refs[at++] !== labels.length / 2) return false
    for (const text of labels) if (symbols[refs[at++]!] !== text) return false
  }
  return at === refs.length
}
