"""What a report of evidence says, in Chinese and English."""

from __future__ import annotations

#: (zh, en) of everything that stands in a report; ``{…}`` are figures.
WORDS: dict[str, tuple[str, str]] = {
    "title_container": ("医疗废物容器监管链证据", "Evidence of the custody of a waste container"),
    "title_alert": ("报警处置证据", "Evidence of an alert"),
    "title_day": ("当日账本证据", "Evidence of a day of the ledger"),
    "subject": ("对象", "Subject"),
    "made_at": ("制作时间", "Made at"),
    "ledger": ("账本", "Ledger"),
    "head": ("账本总哈希", "Ledger head"),
    "head_of": ("共 {size} 条记录", "over {size} entries"),
    "how": (
        "核验：python verify.py 本证据包.zip --key 账本公钥。带下划线的数字均由核验程序与账本记录逐一比对。",
        "To check: python verify.py THIS.zip --key LEDGER KEY. It compares every underlined figure with the ledger.",
    ),
    "what": ("容器", "The container"),
    "ids": ("编号", "Ids"),
    "state": ("状态", "State"),
    "category": ("类别", "Category"),
    "unit": ("产生单位", "Producer"),
    "department": ("科室", "Department"),
    "holder": ("持有单位", "Held by"),
    "net": ("净重", "Net weight"),
    "manifest": ("转移联单", "Manifest"),
    "vehicle": ("车辆", "Vehicle"),
    "timeline": ("时间线", "Timeline"),
    "entry": ("记录", "Entry"),
    "step": ("环节", "Step"),
    "clocks": ("时间（终端 / 网关 / 账本）", "Time (terminal / gateway / ledger)"),
    "skew": ("终端时钟偏差 {ms} 毫秒", "terminal's clock off by {ms} ms"),
    "where": ("地点", "Where"),
    "who": ("经手（工牌）", "Who (badge)"),
    "weight": ("重量（克）：毛 / 皮 / 净", "Weight (g): gross / tare / net"),
    "status": ("核查", "Status"),
    "raw": ("原始", "raw"),
    "checked": ("已检查", "checked"),
    "reviewed": ("已复核", "reviewed"),
    "voided": ("已被第 {entry} 号记录撤销或更正", "taken back or corrected by entry {entry}"),
    "inferred": ("推定（随 {via}）", "inferred (with {via})"),
    "seen": ("扫描", "scanned"),
    "mode_scale": ("称量", "weighed"),
    "mode_typed": ("手工输入", "typed"),
    "mode_estimated": ("估计", "estimated"),
    "signed": ("终端签名有效", "signed by the terminal"),
    "bad_signature": ("终端签名无效", "terminal's signature is bad"),
    "of_status": (
        "原始：有标记，或已被撤销；已检查：自动检查未发现问题；已复核：其后另有人确认、更正或核查。",
        (
            "raw: flagged, or taken back; checked: automatic checks found nothing; reviewed: somebody confirmed, "
            "corrected or inspected it afterwards."
        ),
    ),
    "alerts": ("报警", "Alerts"),
    "alert": ("报警", "Alert"),
    "rule": ("规则", "Rule"),
    "event": ("变化", "Change"),
    "time": ("时间", "Time"),
    "value": ("值 / 限值", "Value / limit"),
    "by": ("处理人", "By"),
    "told": ("通知", "Who was told"),
    "person": ("人员编号", "Person"),
    "channel": ("渠道", "Channel"),
    "result": ("结果", "Result"),
    "nobody": ("没有通知任何人。", "Nobody was told."),
    "none": ("无。", "None."),
    "days": ("设备与日清单", "Devices and daily lists"),
    "filed": ("在案", "On file"),
    "missing": ("缺失", "Missing"),
    "complete": ("未发现缺失。", "Nothing was found to be missing."),
    "truth": ("证明范围", "What this proves, and what not"),
    "truth_1": (
        (
            "经 verify.py 核验无误即证明：签名后未改动；每条记录都在签名的账本中；记录链首尾之间无遗漏；"
            "记录与终端原始报文一致。"
        ),
        (
            "Proved where verify.py finds no fault: nothing was changed after signing; every entry is in the signed "
            "ledger; none is missing between "
            "the first and the last of a chain; entries say what the terminals' messages said."
        ),
    ),
    "truth_2": (
        "不能证明：最后一份日清单之后没有别的记录；秤和传感器读数正确；终端由谁操作（除非终端已签名）。",
        (
            "Not proved: that nothing came after the last daily list; that instruments were right; who held a "
            "terminal, unless it signed."
        ),
    ),
    # on file and missing
    "certificate": (
        "衡器 {scale}：证书 {number}，有效期至 {until}，覆盖 {day}",
        "scale {scale}: certificate {number}, valid until {until}, covers {day}",
    ),
    "no_certificate": ("衡器 {scale}：{day} 没有有效证书", "scale {scale}: no valid certificate on {day}"),
    "instrument_certificate": (
        "仪器 {device}：证书 {number}，有效期至 {until}",
        "instrument {device}: certificate {number}, valid until {until}",
    ),
    "no_instrument_certificate": (
        "仪器 {device}：{day} 没有有效证书",
        "instrument {device}: no valid certificate on {day}",
    ),
    "no_scale": ("记录 {entry}：未说明所用衡器", "entry {entry}: the scale is not named"),
    "unknown_scale": ("衡器 {scale} 未登记", "scale {scale} is not in the registry"),
    "not_weighed": ("没有一次单独称量", "it was never weighed alone"),
    "session": (
        "设备 {device}：{kind} 维护，{at} 开始",
        "device {device}: maintenance ({kind}) from {at}",
    ),
    "no_session": (
        "设备 {device}：{day} 之前 {days} 天内没有维护记录",
        "device {device}: no maintenance on record in the {days} days before {day}",
    ),
    "told_all": ("报警 {alert}：{count} 条通知已送达", "alert {alert}: {count} notices delivered"),
    "not_told": ("报警 {alert}：没有通知送达任何人", "alert {alert}: no notice reached anybody"),
    "not_acknowledged": ("报警 {alert}：无人确认", "alert {alert}: nobody acknowledged it"),
    "no_second_badge": ("记录 {entry}：没有第二人的工牌", "entry {entry}: no second badge"),
    "no_place": ("记录 {entry}：没有地点", "entry {entry}: no place"),
    "not_signed": ("{count} 条事件没有终端签名", "{count} events are not signed by their terminals"),
    "signed_all": ("{count} 条事件均有终端签名", "all {count} events are signed by their terminals"),
    "seq_gap": (
        "终端 {terminal}（启动 {boot}）：序号 {first} 至 {last} 之间缺 {count} 个",
        "terminal {terminal} (boot {boot}): {count} numbers are missing between {first} and {last}",
    ),
    "no_checkpoint_after": (
        "最新的 {count} 条记录之后还没有签名总哈希",
        "no signed head covers the newest {count} entries yet",
    ),
    "head_covers": ("签名总哈希覆盖全部记录", "the signed head covers all entries"),
    "no_witness": ("没有见证方签署总哈希", "no witness has signed the head"),
    "witness": ("见证方：{names}", "witnesses: {names}"),
    "pinned": (
        "{day} 的日清单指明第 {entry} 号为最新记录",
        "the list of {day} names entry {entry} as the newest",
    ),
    "no_pin": (
        "没有日清单指明最新一条记录（其后若有遗漏，本包不能发现）",
        "no daily list names the newest entry (if something after it were left out, this bundle could not show it)",
    ),
    "device_count": (
        "设备 {device}：{day} 共 {messages} 条报文在案",
        "device {device}: {messages} messages counted on {day}",
    ),
    "no_device_count": (
        "设备 {device}：{day} 的报文计数尚未入账",
        "device {device}: the count of {day} is not written yet",
    ),
    "over": ("已处置", "destroyed"),
    "not_over": ("尚未处置", "not destroyed yet"),
    "open_handover": ("有一次交接未确认", "a hand-over is not confirmed"),
    "file": ("附件 {sha256}（不在本包内）", "file {sha256} (not in this bundle)"),
}
