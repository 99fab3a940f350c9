"""What the dashboards show: rows of panels, a panel a line or two. generate.py turns them into Grafana's JSON.

In expressions, {job}, {server} and {model} stand for label matchers with the dashboard's variables: the job (and model,
for recorded series, which have no instance), the server, and the model on the server. Metrics: docs/operating.md.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Query:
    legend: str
    expr: str
    optional: bool = False  # its metrics exist only under a cgroup quota, or with a kernel that has PSI


@dataclass(frozen=True)
class Panel:
    title: str
    unit: str
    description: str
    queries: list[Query]
    kind: str = "timeseries"  # or stat, heatmap, table
    width: int = 8  # of 24
    height: int = 8
    stacked: bool = False
    limit: float | None = None  # a line that should not be crossed; a stat turns red beyond it


@dataclass(frozen=True)
class Row:
    title: str
    panels: list[Panel]


@dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    description: str
    rows: list[Row]
    variables: list[str] = field(default_factory=lambda: ["job", "instance", "model"])


def quantile(q: float, metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({metric}[$__rate_interval])))"


def mean(metric: str) -> str:
    total, count = (f"sum(rate({metric}_{part}{{model}}[$__rate_interval]))" for part in ("sum", "count"))
    return f"{total} / {count}"


OBJECTIVE_SECONDS = 0.05  # the latency objective's threshold in deploy/prometheus/rules/slo.yml
REQUESTS = "siskin_requests_total{model}"
OK_LATENCY = 'siskin_request_duration_seconds_bucket{model,code="OK"}'
OK_COUNT = 'siskin_request_duration_seconds_count{model,code="OK"}'
FAST = 'siskin_request_duration_seconds_bucket{model,code="OK",le="%g"}' % OBJECTIVE_SECONDS

OVERVIEW = Dashboard("siskin-overview", "Siskin / Overview", "Do users get what they were promised?", [
    Row("Objectives", [
        Panel("Budget left, 30 days", "percentunit",
              "Share of the error budget that the last 30 days left. Below zero the objective was missed.",
              [Query("{{model}} {{slo}}", "1 - model:siskin_slo_burn:rate30d{job}")], "stat", 8, 5),
        Panel("Burn rate, 1 h", "suffix: x",
              "1 uses the budget up in 30 days. Above 14.4, and still so in the last 5 minutes, somebody is paged.",
              [Query("{{model}} {{slo}}", "model:siskin_slo_burn:rate1h{job}")], "stat", 8, 5, limit=14.4),
        Panel("Targets up", "short", "Servers that Prometheus can scrape.",
              [Query("up", "sum(up{server})")], "stat", 4, 5),
        Panel("Alerts firing", "short", "Alerts of Siskin that fire now; the runbooks are in docs/operating.md.",
              [Query("firing", 'count(ALERTS{alertname=~"Siskin.*",alertstate="firing"}) or vector(0)')],
              "stat", 4, 5, limit=1),
        Panel("Burn rate", "suffix: x",
              "How fast the error budget goes, over the windows of the alerts that page.",
              [Query("{{model}} {{slo}} " + window, "model:siskin_slo_burn:rate" + window + "{job}")
               for window in ("5m", "1h", "6h")], width=24, limit=14.4),
    ]),
    Row("Traffic", [
        Panel("Requests by model", "reqps", "Answered RPCs a second, whatever their code. "
              "Requests for a model that does not exist have no model.",
              [Query("{{model}}", f"sum by (model) (rate({REQUESTS}[$__rate_interval]))")], stacked=True),
        Panel("Requests by code", "reqps", "Answered RPCs a second by gRPC status.",
              [Query("{{code}}", f"sum by (code) (rate({REQUESTS}[$__rate_interval]))")], stacked=True),
        Panel("Not OK", "percentunit",
              "Share of the requests with each code but OK, the client's own mistakes included.",
              [Query("{{code}}", 'sum by (code) (rate(siskin_requests_total{model,code!="OK"}[$__rate_interval]))'
                     f" / on () group_left () sum(rate({REQUESTS}[$__rate_interval]))")], stacked=True),
    ]),
    Row("Latency of successful requests", [
        Panel("Quantiles", "s",
              "From an RPC's arrival to its answer, queueing included. The line is the objective.",
              [Query(f"p{int(q * 100)}", quantile(q, OK_LATENCY)) for q in (0.5, 0.95, 0.99)], limit=OBJECTIVE_SECONDS),
        Panel("p99 by model", "s", "99 % of the answers were at least this fast.",
              [Query("{{model}}", quantile(0.99, OK_LATENCY, "model"))], limit=OBJECTIVE_SECONDS),
        Panel("Within the objective", "percentunit",
              "Share of the OK answers that were within the threshold of the latency objective.",
              [Query("{{model}}", f"sum by (model) (rate({FAST}[$__rate_interval]))"
                     f" / sum by (model) (rate({OK_COUNT}[$__rate_interval]))")]),
    ]),
    Row("Servers", [
        Panel("Requests in flight", "short", "Admitted and not yet answered, on each server.",
              [Query("{{instance}}", "siskin_requests_in_flight{server}")]),
        Panel("Models", "short", "State of each model version: 1 is the one it is in.",
              [Query("", "siskin_model_state{model} == 1")], "table", 8),
        Panel("Builds", "short", "Version, oneDNN and instruction set of each server. They should agree.",
              [Query("", "siskin_build_info{server}")], "table", 8),
    ]),
])

STAGES = ("queue", "decode", "compute")

MODEL = Dashboard("siskin-model", "Siskin / Model", "Where the time of a request goes, and how images are batched.", [
    Row("Latency", [
        Panel("Request duration", "s", "How many answers took how long, OK or not.",
              [Query("{{le}}", "sum by (le) (rate(siskin_request_duration_seconds_bucket{model}[$__rate_interval]))")],
              "heatmap", 12),
        Panel("Quantiles, OK", "s", "Of successful requests. The line is the objective.",
              [Query(f"p{int(q * 100)}", quantile(q, OK_LATENCY)) for q in (0.5, 0.9, 0.99)],
              width=12, limit=OBJECTIVE_SECONDS),
        Panel("Mean by stage", "s", "Waiting for a lane; decoding and resizing; the network, for the whole batch.",
              [Query(stage, mean(f"siskin_{stage}_duration_seconds")) for stage in STAGES], width=12, stacked=True),
        Panel("p99 by stage", "s", "Each stage's own 99th percentile; they do not add up to the request's.",
              [Query(stage, quantile(0.99, f"siskin_{stage}_duration_seconds_bucket{{model}}")) for stage in STAGES],
              width=12),
    ]),
    Row("Failures", [
        Panel("Not OK by code", "reqps", "Failed RPCs a second by gRPC status.",
              [Query("{{code}}", 'sum by (code) (rate(siskin_requests_total{model,code!="OK"}[$__rate_interval]))')],
              stacked=True),
        Panel("Rejected by reason", "reqps",
              "Refused or given up before compute. queue_full, predicted_late, overload and payload_bytes "
              "mean that capacity is missing.",
              [Query("{{reason}}", "sum by (reason) (rate(siskin_rejected_total{model}[$__rate_interval]))")],
              stacked=True),
        Panel("Work saved", "suffix: images/s",
              "Images dropped before compute because nobody waited for them any more.",
              [Query("{{reason}}", "sum by (reason) (rate(siskin_saved_images_total{model}[$__rate_interval]))")],
              stacked=True),
    ]),
    Row("Batching", [
        Panel("Batch size", "suffix: images", "How many batches had how many images.",
              [Query("{{le}}", "sum by (le) (rate(siskin_batch_size_bucket{model}[$__rate_interval]))")], "heatmap"),
        Panel("Mean batch size", "suffix: images",
              "1 means that requests find a free lane; max_batch_size, that they queue.",
              [Query("mean", mean("siskin_batch_size"))]),
        Panel("Batches by what closed them", "suffix: batches/s",
              "full: max_batch_size reached; delay: waited long enough; deadline: one was near; draining: at the end.",
              [Query("{{reason}}", "sum by (reason) (rate(siskin_batches_total{model}[$__rate_interval]))")],
              stacked=True),
        Panel("Images", "suffix: images/s", "Images computed a second: what `siskin bench` measures.",
              [Query("{{model}}", "sum by (model) (rate(siskin_batch_size_sum{model}[$__rate_interval]))")], width=12),
        Panel("Queue depth", "suffix: images", "Images waiting, and how many may wait, on each server.",
              [Query("{{instance}} {{model}}", "siskin_queue_depth{model}"),
               Query("capacity {{instance}} {{model}}", "siskin_queue_capacity{model}")], width=12),
    ]),
    Row("Loading", [
        Panel("Load and warm-up", "s", "Reading and compiling the model, and the first runs that touch its memory.",
              [Query("load {{instance}} {{model}}/{{version}}", "siskin_model_load_duration_seconds{model}"),
               Query("warm-up {{instance}} {{model}}/{{version}}", "siskin_model_warmup_duration_seconds{model}")],
               width=12),
        Panel("Memory", "bytes", "Packed weights, and the arenas that activations live in.",
              [Query("{{kind}} {{instance}} {{model}}/{{version}}", "siskin_model_memory_bytes{model}")],
              width=12, stacked=True),
    ]),
])

SATURATION = Dashboard("siskin-saturation", "Siskin / Saturation", "How close each server is to its limits.", [
    Row("Lanes and queues", [
        Panel("Lane use", "percentunit",
              "Share of the lanes' time spent on batches. At 1, more load only makes queues.",
              [Query("{{instance}}",
                     "sum by (instance) (rate(siskin_lane_busy_seconds_total{server}[$__rate_interval]))"
                     " / sum by (instance) (siskin_lanes{server})")], limit=0.9),
        Panel("Lane time by model", "percentunit", "Share of the lanes' time in each model's network.",
              [Query("{{model}}", "sum by (model) (rate(siskin_lane_compute_seconds_total{server}[$__rate_interval]))"
                     " / on () group_left () sum(siskin_lanes{server})")], stacked=True),
        Panel("Queue fill", "percentunit", "Waiting images over the queue's capacity. At 1 requests are refused.",
              [Query("{{instance}} {{model}}", "siskin_queue_depth{server} / siskin_queue_capacity{server}")],
              limit=0.8),
        Panel("In flight of the limit", "percentunit", "Requests and payload bytes in flight, over their limits.",
              [Query("requests {{instance}}",
                     "siskin_requests_in_flight{server} / siskin_requests_in_flight_limit{server}"),
               Query("bytes {{instance}}",
                     "siskin_payload_in_flight_bytes{server} / siskin_payload_in_flight_limit_bytes{server}")],
                     limit=0.8),
        Panel("Rejected for capacity", "reqps", "Requests refused with RESOURCE_EXHAUSTED, by the limit they met.",
              [Query("{{reason}}", 'sum by (reason) (rate(siskin_rejected_total{server,'
                     'reason=~"queue_full|predicted_late|overload|payload_bytes"}[$__rate_interval]))')], stacked=True),
        Panel("Messages", "Bps", "Bytes of gRPC messages, without framing.",
              [Query("{{direction}}", "sum by (direction) (rate(siskin_grpc_bytes_total{server}[$__rate_interval]))")]),
    ]),
    Row("CPU", [
        Panel("CPU used", "suffix: cores",
              "Cores that the process uses, and the cgroup's quota where there is one.",
              [Query("used {{instance}}", "rate(process_cpu_seconds_total{server}[$__rate_interval])"),
               Query("quota {{instance}}", "siskin_cgroup_cpu_quota_cores{server}", optional=True)]),
        Panel("Throttled periods", "percentunit", "Share of the CPU periods in which the quota stopped the server.",
              [Query("{{instance}}", "rate(siskin_cgroup_cpu_throttled_periods_total{server}[$__rate_interval])"
                     " / rate(siskin_cgroup_cpu_periods_total{server}[$__rate_interval])", optional=True)], limit=0.25),
        Panel("Pressure", "percentunit", "Share of the time in which some task waited for the resource (PSI).",
              [Query("{{resource}} {{instance}}",
                     'rate(siskin_pressure_stalled_seconds_total{server,severity="some"}[$__rate_interval])',
                     optional=True)]),
    ]),
    Row("Memory and files", [
        Panel("Memory", "bytes", "Resident memory, what the cgroup counts, and its limit.",
              [Query("resident {{instance}}", "process_resident_memory_bytes{server}"),
               Query("cgroup {{instance}}", "siskin_cgroup_memory_usage_bytes{server}", optional=True),
               Query("limit {{instance}}", "siskin_cgroup_memory_limit_bytes{server}", optional=True)]),
        Panel("Models' memory", "bytes", "Packed weights and arenas of all models.",
              [Query("{{kind}} {{instance}}", "sum by (instance, kind) (siskin_model_memory_bytes{server})")],
              stacked=True),
        Panel("Open files", "percentunit", "Of those that the process may open; a connection is one.",
              [Query("{{instance}}", "process_open_fds{server} / process_max_fds{server}")], limit=0.8),
        Panel("Threads", "short", "Lanes, gRPC's pollers and a few more: flat in a healthy server.",
              [Query("{{instance}}", "process_threads{server}")]),
        Panel("Time to ready", "s", "From the start of the process to its first readiness.",
              [Query("{{instance}}", "siskin_time_to_ready_seconds{server}")]),
        Panel("Uptime", "s", "Since the start of the process.",
              [Query("{{instance}}", "time() - process_start_time_seconds{server}")]),
    ]),
], ["job", "instance"])

DASHBOARDS = {"overview": OVERVIEW, "model": MODEL, "saturation": SATURATION}
