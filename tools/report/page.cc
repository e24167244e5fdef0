// SPDX-License-Identifier: Apache-2.0
#include "tools/report/page.h"

#include "absl/strings/str_cat.h"
#include "tools/report/plot.h"

namespace gyrus {
namespace {

constexpr char kStyle[] = R"css(
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2330;--quiet:#5d6778;--rule:#e3e7ee;
--card:#f6f8fb;--model:#1f5fd6;--other:#8a6d1f}
@media (prefers-color-scheme:dark){:root{--paper:#12161d;--ink:#e6eaf1;--quiet:#9aa5b7;
--rule:#2a313d;--card:#1a2029;--model:#7fb0ff;--other:#e0bd62}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:980px;padding:20px 16px 48px;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:26px;line-height:1.2;margin:8px 0}
h2{font-size:19px;margin:40px 0 4px}
h3{font-size:15px;margin:20px 0 0}
p{margin:6px 0;max-width:70ch}
.quiet,figcaption,.ylabel{color:var(--quiet);font-size:13px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;margin:20px 0}
.tiles div{background:var(--card);border-radius:8px;padding:10px 12px;font-size:13px;
color:var(--quiet)}
.tiles b{display:block;font-size:21px;line-height:1.3;color:var(--ink)}
figure{margin:8px 0 24px}
.box{position:relative;height:260px;margin:6px 14px 26px 46px;font-size:12px;color:var(--quiet);
font-variant-numeric:tabular-nums;white-space:nowrap}
.short .box{height:150px}.map .box{height:190px;margin-left:0;margin-right:0}
.box svg{position:absolute;left:0;top:0;width:100%;height:100%;overflow:visible;
border-bottom:1px solid var(--quiet)}
.map svg{background:var(--card)}
.x{position:absolute;top:100%;padding-top:5px;transform:translateX(-50%)}
.map .x:first-of-type{transform:none}
.map .x:last-of-type{transform:translateX(-100%)}
.y{position:absolute;right:100%;padding-right:7px;transform:translateY(-50%)}
figcaption{text-align:center}
.grid,.line{fill:none;vector-effect:non-scaling-stroke}
.grid{stroke:var(--rule)}
.line{stroke-width:2;stroke-linejoin:round}
.line.model{stroke:var(--model)}
.line.baseline{stroke:var(--other);stroke-dasharray:6 4}
.bar,.heat{fill:var(--model)}.heat{shape-rendering:crispEdges}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;margin:8px 0;padding:0;
font-size:14px}
.legend li::before{content:"";display:inline-block;width:22px;margin-right:7px;
vertical-align:middle;border-top:3px solid var(--model)}
.legend .baseline::before{border-top:3px dashed var(--other)}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:6px 8px 6px 0;border-bottom:1px solid var(--rule);text-align:left;font-weight:400;
vertical-align:top}
td{text-align:right;overflow-wrap:anywhere;min-width:45%;font-variant-numeric:tabular-nums}
thead th{color:var(--quiet)}
.wide{overflow-x:auto}
dl{display:grid;grid-template-columns:minmax(110px,auto) 1fr;gap:6px 16px;font-size:14px}
dt{color:var(--quiet)}dd{margin:0}
@media (max-width:560px){dl{display:block}dd{margin:0 0 8px}.box{height:220px}}
)css";

}  // namespace

std::string Page(absl::string_view title, absl::string_view body) {
  return absl::StrCat(
      "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n"
      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>",
      Escaped(title), "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n", body,
      "</body>\n</html>\n");
}

}  // namespace gyrus
