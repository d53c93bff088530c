// What the page uses of Apache ECharts; ours, not ECharts'.

export interface Pick {
  componentType: string;
  seriesId?: string;
  dataIndex?: number;
  name?: string;
  value?: unknown;
  data?: unknown;
}

export type Option = Record<string, unknown>;

export interface Chart {
  setOption(option: Option, how?: { notMerge?: boolean; replaceMerge?: string[]; lazyUpdate?: boolean }): void;
  on(event: "click", handler: (pick: Pick) => void): void;
  resize(): void;
  dispose(): void;
}

export function init(element: HTMLElement, theme?: null, options?: { renderer?: "canvas" | "svg" }): Chart;

export const color: { lerp(at: number, colors: string[]): string };
