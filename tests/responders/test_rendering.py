from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from responders.manual_files import parse_manual_file
from responders.rendering import contact_names, fill_clause

if TYPE_CHECKING:
    from domain.brands import Brand

HEAD = "---\ntopic: delivery\nsource: 배송 정책\n---\n## 정책\n- "


@pytest.mark.parametrize(
    ("clause", "filled"),
    [
        ("{상품}은 냉장 보관해 주세요.", "텀블러는 냉장 보관해 주세요."),
        ("{상품}도 교환해 드립니다.", "텀블러도 교환해 드립니다."),
        ("{ 상품 }은 냉장 보관해 주세요.", "텀블러는 냉장 보관해 주세요."),
        ("주문하신 것은 {상품}입니다.", "주문하신 것은 텀블러입니다."),
        ("{브랜드}의 약속입니다.", "새벽나무의 약속입니다."),
        ("{브랜드}에 알려 주세요.", "새벽나무에 알려 주세요."),
        ("{브랜드}과 함께합니다.", "새벽나무와 함께합니다."),
        ("{연락처}에서 안내해 드립니다.", "고객센터(1522-0000)에서 안내해 드립니다."),
        ("{연락처}으로 연락 주세요.", "고객센터(1522-0000)로 연락 주세요."),
        ("‘{상품}’은 냉장 보관해 주세요.", "‘텀블러’는 냉장 보관해 주세요."),
        ("“{상품}”을 보내 드립니다.", "“텀블러”를 보내 드립니다."),
        ("'{상품}'이 파손되었다면 알려 주세요.", "'텀블러'가 파손되었다면 알려 주세요."),
        ("‘{상품}’ 교환을 안내해 드립니다.", "‘텀블러’ 교환을 안내해 드립니다."),
    ],
)
def test_a_slot_is_filled_whatever_follows_it(brand: Brand, clause: str, filled: str) -> None:
    clauses, warnings = parse_manual_file("manual/a.md", HEAD + clause + "\n")
    assert warnings == []
    assert fill_clause(clauses[0], brand, "텀블러") == filled


def test_only_a_number_for_the_whole_country_is_a_customer_centre() -> None:
    names = contact_names(["1522-0000", "080-000-0000", "02-333-0000", "0507-000-0000"])
    assert [name.partition("(")[0] for name in names] == ["고객센터", "고객센터", "전화", "전화"]
