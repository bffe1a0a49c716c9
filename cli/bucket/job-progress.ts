/** What runs, as a progress bar: the jobs of a plan, each as far as it is. */
import type { HereEvent } from '#lib/compact/run-here.ts'
import type { Progress } from './progress.ts'

/** Of one job. */
const STEPS = 1000

/** To be told each event. */
export function jobProgress(bar: Progress): (event: HereEvent) => void {
  let [jobs, ended] = [0, 0]
  return (event) => {
    switch (event.type) {
      case 'planned':
        jobs = event.jobs.length
        ended = 0
        return
      case 'began':
      case 'progress': {
        const { doneSeries, totalSeries } =
          event.type === 'progress' ? event.progress : { doneSeries: 0, totalSeries: 0 }
        const part = totalSeries === 0 ? 0 : Math.floor((STEPS * doneSeries) / totalSeries)
        const text = `job ${ended + 1} of ${jobs}: ${event.job.reason}`
        bar.show(ended * STEPS + part, jobs * STEPS, text)
        return
      }
      case 'ended':
        ended++
        return
      default:
        event satisfies never
    }
  }
}
