/** Where to cut several blocks, so that each part has about as many bytes of chunks as the others. */
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import type { SeriesPlace } from './block-profile.ts'

/** What is known of one block. */
export interface Profile {
  readonly totalBytes: number
  readonly places: readonly SeriesPlace[]
  bytesBefore(labels: Labels): number
}

/** Between a border and where it should be lies less than a part divided by this, for each block. */
export const PART_FRACTION = 16

/** Label sets, ascending: the first of each part but the first. Fewer than `parts - 1` where series are few, or one is large. */
export function chooseBorders(profiles: readonly Profile[], parts: number): Labels[] {
  const places = profiles.flatMap((profile) => profile.places)
  const candidates = places.map(({ labels }) => labels).sort(compareLabels)
  const totalBytes = profiles.reduce((sum, profile) => sum + profile.totalBytes, 0)
  const borders: Labels[] = []
  // Nothing comes before the first.
  let last = candidates[0]
  let wanted = 1
  let before: Candidate | undefined
  for (const labels of candidates) {
    if (wanted === parts) break
    const bytes = profiles.reduce((sum, profile) => sum + profile.bytesBefore(labels), 0)
    const here = { labels, bytes }
    for (; wanted < parts && bytes >= (totalBytes * wanted) / parts; wanted++) {
      const target = (totalBytes * wanted) / parts
      const nearest = before && target - before.bytes < bytes - target ? before : here
      if (compareLabels(nearest.labels, last!) <= 0) continue
      borders.push(nearest.labels)
      last = nearest.labels
    }
    before = here
  }
  return borders
}

interface Candidate {
  readonly labels: Labels
  /** About how many come before it. */
  readonly bytes: number
}
