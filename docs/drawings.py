"""Draws the pictures of the architecture page: ``python docs/drawings.py``."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

ASSETS = Path(__file__).parent / "assets"
STAGES = (
    "conditioning",
    "training",
    "validation",
    "release",
    "scoring",
    "monitoring",
    "publishing",
)
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1c2b2a; text-anchor: middle; }
  .small { font-size: 11.5px; fill: #33413f; }
  .lane { font-size: 12px; fill: #5b6b69; text-anchor: start; }
  .title { font-weight: 600; } .code { font-family: ui-monospace, monospace; font-size: 11.5px; }
  .stage { fill: #d5ece8; stroke: #00796b; } .store { fill: #fff7e6; stroke: #c98a1b; }
  .outside { fill: #f0f0f0; stroke: #888; } .band { fill: #f6faf9; stroke: #d3dedc; }
  .pure { fill: #e3eefb; stroke: #3b6ea8; } rect { rx: 6px; stroke-width: 1.3; }
  path { fill: none; stroke: #5b6b69; stroke-width: 1.4; marker-end: url(#tip); }
"""
TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0,0 L8,4 L0,8 z" '
    'style="fill:#5b6b69;stroke:none;marker-end:none"/></marker>'
)


class Drawing:
    """Boxes, lines of text and arrows on a sheet of white paper."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.size, self.title, self.parts = (width, height), title, list[str]()

    def box(self, kind: str, x: int, y: int, w: int, h: int, *lines: str) -> None:
        """A box with a title and smaller lines below it."""
        self.parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}"/>')
        shown = [(line, "title" if n == 0 else "small") for n, line in enumerate(lines) if line]
        first = y + h / 2 - 7.5 * (len(shown) - 1) + 5
        for number, (line, style) in enumerate(shown):
            self.text(x + w / 2, first + 15.5 * number, line, style)

    def text(self, x: float, y: float, words: str, style: str = "small") -> None:
        """A line of text."""
        self.parts.append(f'<text class="{style}" x="{x:g}" y="{y:g}">{escape(words)}</text>')

    def arrow(self, *points: tuple[float, float]) -> None:
        """A line through points, with a tip at its end."""
        way = " L".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(f'<path d="M{way}"/>')

    def save(self, name: str) -> None:
        """Write the sheet."""
        width, height = self.size
        sheet = f'<rect width="{width}" height="{height}" style="fill:#fff;rx:0"/>'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'role="img"><title>{escape(self.title)}</title><style>{STYLE}</style>'
        )
        body = "\n".join([f"<defs>{TIP}</defs>", sheet, *self.parts])
        (ASSETS / f"{name}.svg").write_text(f"{head}\n{body}\n</svg>\n")


def flow() -> None:
    """From raw files to forecasts: the stages, and what each of them stores."""
    sheet = Drawing(1080, 452, "Stages and what they store")
    for y, h, lane in (
        (8, 140, "per region"),
        (156, 174, "per segment"),
        (338, 106, "all segments"),
    ):
        sheet.box("band", 4, y, 1072, h)
        sheet.text(14, y + 18, lane, "lane")
    sheet.box("outside", 24, 44, 128, 76, "raw files", "CSV, Excel, JSON,", "Parquet")
    sheet.box("stage", 190, 44, 150, 76, "conditioning", "layout, contracts,", "control totals")
    sheet.box("store", 378, 34, 190, 44, "standard tables", "02_intermediate")
    sheet.box("store", 378, 88, 190, 44, "quarantine", "control totals, 08_reporting")
    sheet.arrow((152, 82), (188, 82))
    sheet.arrow((340, 66), (376, 58))
    sheet.arrow((340, 98), (376, 108))
    stages = [
        ("training", "challengers on the weeks", "before the validation", "challengers"),
        ("validation", "same origins for all,", "the gate", "backtest, verdict"),
        ("release", "refit on all weeks,", "dry run, register", "champions (MLflow)"),
        ("scoring", "champion or next best,", "orders, reasons", "forecast, explanations"),
        ("monitoring", "realised errors, age", "", "health"),
    ]
    sheet.box(
        "store", 24, 192, 128, 112, "panel", "series x weeks,", "plans, weather", "03_primary"
    )
    sheet.arrow((473, 78), (473, 84), (610, 84), (610, 150), (118, 150), (118, 190))
    for number, (name, one, two, made) in enumerate(stages):
        x = 190 + 178 * number
        sheet.box("stage", x, 192, 158, 66, name, *filter(None, (one, two)))
        sheet.box("store", x, 272, 158, 32, "", made)
        sheet.arrow((x + 79, 258), (x + 79, 270))
        sheet.arrow((x - 20 if number else 152, 225), (x - 2, 225))
    sheet.text(
        457, 322, "training, validation and release run once for fast and once for slow products"
    )
    sheet.box("store", 546, 374, 158, 48, "results store", "all of it, in SQL")
    for x, name, where, source in (
        (368, "summary", "the table at the end", 447),
        (724, "totals", "with intervals", 803),
        (902, "retrain plan", "with reasons", 981),
    ):
        sheet.box("store", x, 374, 158, 48, name, where)
        sheet.arrow((source, 304), (source, 372))
    sheet.save("flow")


def floors() -> None:
    """Which package may import which: only what is below it."""
    sheet = Drawing(1080, 649, "Floors of the code")
    rows = [
        ("outside", [("__main__, settings", "entry points")]),
        ("outside", [("cli", "commands")]),
        ("outside", [("pipeline_registry", "which pipelines there are")]),
        ("stage", [("hooks", "what happens around a run")]),
        (
            "stage",
            [("reporting, dashboard", "what a person reads"), ("serving", "answers over HTTP")],
        ),
        ("stage", [("pipelines", " · ".join(STAGES))]),
        (
            "stage",
            [("results_store", "tables and views in SQL"), ("overrides", "what people correct")],
        ),
        ("stage", [("framework", "sessions, runner, segments, parameters, namespaces")]),
        ("stage", [("registry", "MLflow: models, lineage")]),
        (
            "stage",
            [("datasets", "files, whole or not at all"), ("contracts", "Great Expectations")],
        ),
        ("pure", [("simulator", "a company whose demand is known")]),
        ("pure", [("conditioning", "raw files to panels")]),
        ("pure", [("modelling", "see right")]),
    ]
    y = 40
    for kind, boxes in rows:
        width = (620 - 10 * (len(boxes) - 1)) // len(boxes)
        for number, lines in enumerate(boxes):
            sheet.box(kind, 20 + number * (width + 10), y, width, 38, *lines)
        y += 45
    sheet.text(330, 26, "each floor may import those below it, never above", "small")
    sheet.box("pure", 680, 40, 384, 578)
    sheet.text(872, 62, "modelling", "title")
    inner = [
        ("scoring", "champion or next best, lost sales"),
        ("lifecycle", "gate, health, retraining"),
        ("evaluation, explanation, totals, decisions", "metrics; reasons; sums; orders"),
        ("models", "members, ensemble, calibration, baseline"),
        ("features", "levels, lags, plans, season, weather"),
        ("output_contract", "what every forecast must hold"),
        ("velocity, protocol", "fast and slow; what a model can do"),
        ("panel", "what every model sees"),
        ("points, parameters", "points of a distribution; settings"),
        ("arrays", "types and files of arrays"),
    ]
    for number, lines in enumerate(inner):
        sheet.box("band", 700, 74 + 53 * number, 344, 42, *lines)
    sheet.arrow((640, 599), (678, 599))
    sheet.text(
        330, 639, "blue: knows neither Kedro nor MLflow, and opens no file but its own", "small"
    )
    sheet.save("floors")


if __name__ == "__main__":
    flow()
    floors()
