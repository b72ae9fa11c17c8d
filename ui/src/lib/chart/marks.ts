/** Single points with a link on a time chart. */
export interface ChartMark {
  /** Seconds. */
  time: number;
  value: number;
  title: string;
  href: string;
}
