/** The dashboards as Grafana's own types have them, where words may stand for the members of its enums. */
import type { AnnotationQuery, Dashboard, FieldConfig, Panel, RowPanel } from "@grafana/schema";
import type * as BarChart from "@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen";
import type * as Heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as Stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as StateTimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as StatusHistory from "@grafana/schema/dist/esm/raw/composable/statushistory/panelcfg/x/StatusHistoryPanelCfg_types.gen";
import type * as Table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as TimeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** JSON cannot name the member of an enum, only spell its value. */
type Spelled<T> = T extends string
  ? `${T}`
  : T extends readonly (infer Item)[]
    ? Spelled<Item>[]
    : T extends object
      ? { [Key in keyof T]: Spelled<T[Key]> }
      : T;

/** Options may be left out, at any depth: Grafana fills in what a plug-in defaults to. */
type Sparse<T> = T extends readonly unknown[] ? T : T extends object ? { [Key in keyof T]?: Sparse<T[Key]> } : T;

type PanelOf<Type extends string, Options, Custom = Record<string, never>> = Omit<
  Panel,
  "type" | "options" | "fieldConfig"
> & {
  type: Type;
  options: Sparse<Options>;
  fieldConfig: {
    defaults: Omit<FieldConfig, "custom"> & { custom?: Sparse<Custom> };
    overrides: NonNullable<Panel["fieldConfig"]>["overrides"];
  };
};

type AnyPanel =
  | PanelOf<"barchart", BarChart.Options, BarChart.FieldConfig>
  | PanelOf<"heatmap", Heatmap.Options, Heatmap.FieldConfig>
  | PanelOf<"stat", Stat.Options>
  | PanelOf<"state-timeline", StateTimeline.Options, StateTimeline.FieldConfig>
  | PanelOf<"status-history", StatusHistory.Options, StatusHistory.FieldConfig>
  | PanelOf<"table", Table.Options, Table.FieldConfig>
  | PanelOf<"timeseries", TimeSeries.Options, TimeSeries.FieldConfig>
  | (Omit<RowPanel, "type"> & { type: "row" });

/** What the plug-in for Prometheus adds to an annotation; no package exports its type. */
type Marked = AnnotationQuery & {
  expr: string;
  step: string;
  titleFormat: string;
  textFormat: string;
  useValueForTime?: boolean;
};

export type Provisioned = Spelled<
  Omit<Partial<Dashboard>, "annotations" | "panels"> & { annotations: { list: Marked[] }; panels: AnyPanel[] }
>;
