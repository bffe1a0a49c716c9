/** Grafana's dashboards as files, and the queries of those beside compose.yml with what Grafana puts in for its variables. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const DIRECTORY = join(import.meta.dirname, '../grafana/dashboards')

export interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  /** Absent where it shows text. */
  readonly targets?: readonly {
    readonly refId: string
    readonly expr: string
    readonly instant: boolean
  }[]
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
}

interface Variable {
  readonly name: string
  readonly type: string
  /** The query that gives its values. */
  readonly definition?: string
}

export interface PanelQuery {
  /** `Overview: Targets`. */
  readonly panel: string
  readonly query: string
  readonly instant: boolean
}

export async function readDashboards(directory = DIRECTORY): Promise<readonly Dashboard[]> {
  const files = (await readdir(directory)).sort()
  return Promise.all(
    files.map(
      async (file) => JSON.parse(await readFile(join(directory, file), 'utf8')) as Dashboard,
    ),
  )
}

/** Four scrapes of five seconds, and what Grafana adds. */
const RATE_INTERVAL = '25s'

export function queriesOf(dashboards: readonly Dashboard[]): PanelQuery[] {
  return dashboards.flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ expr, instant }) => ({
        panel: `${title}: ${panel.title}`,
        query: expr.replaceAll('$__rate_interval', RATE_INTERVAL),
        instant,
      })),
    ),
  )
}
