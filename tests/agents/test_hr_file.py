"""An export as HR systems make them: encodings, rows, columns, words."""

import pytest

from agents.errors import Failed, Usage
from agents.hr_export.columns import columns
from agents.hr_export.text import decode, rows, sniff
from agents.hr_export.words import Words

GERMAN = "Personalnummer;Name;Abteilung\r\n1;Jörg Weiß;Müll & Süd\r\n2;Änne;Öl\r\n"


# -- encodings


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_encodings_are_recognised(encoding: str) -> None:
    assert decode(GERMAN.encode(encoding))[0] == GERMAN


@pytest.mark.parametrize("encoding", ["cp850", "cp437", "mac-roman"])
def test_a_guess_that_would_garble_names_is_refused(encoding: str) -> None:
    with pytest.raises(Failed, match=r"line 2 is neither UTF-8 nor cp1252: name the encoding"):
        decode(GERMAN.encode(encoding))
    assert decode(GERMAN.encode(encoding), encoding) == (GERMAN, encoding)


@pytest.mark.parametrize("text", ["O’Brien", "100 €", "Škoda", "naïve «x»", "1 – 2", "São", "„Süd“", "m²"])
def test_western_signs_are_no_garble(text: str) -> None:
    assert decode(f"id;x\n1;{text}\n".encode("cp1252"))[0] == f"id;x\n1;{text}\n"


def test_utf8_with_a_broken_line_is_told_by_its_line() -> None:
    raw = GERMAN.encode() + b"3;J\xf6rg;x\r\n"
    with pytest.raises(Failed, match="the file is UTF-8, but not in line 4"):
        decode(raw)


def test_a_wrong_encoding_is_told_by_its_line() -> None:
    with pytest.raises(Failed, match="line 2 is not utf-8: name the file's encoding"):
        decode(GERMAN.encode("cp1252"), "utf-8")


@pytest.mark.parametrize(
    ("raw", "told"),
    [(b"", "is empty"), (b" \r\n", "is empty"), (b"PK\x03\x04abc", "a workbook"), (b"a\0b\0,,,,,,,,,,,,", "NUL")],
)
def test_what_is_no_export(raw: bytes, told: str) -> None:
    with pytest.raises(Failed, match=told):
        decode(raw)


# -- rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_recognised(delimiter: str) -> None:
    text = delimiter.join(["id", "name", "unit"]) + "\n" + delimiter.join(["1", '"a;b,c|d\te\nf"', "x"]) + "\n"
    assert sniff(text) == delimiter
    assert [cells for _, cells in rows(text, delimiter)] == [["id", "name", "unit"], ["1", "a;b,c|d\te\nf", "x"]]


def test_one_column_needs_no_delimiter() -> None:
    text = "person\nu1\nu2\n"
    assert [cells for _, cells in rows(text, sniff(text))] == [["person"], ["u1"], ["u2"]]


def test_rows_are_counted_as_a_spreadsheet_does() -> None:
    text = 'id,x\n1,"a\nb"\n\n2,c\n'
    assert [number for number, _ in rows(text, ",")] == [1, 2, 4]


@pytest.mark.parametrize(
    ("text", "told"), [('id,x\n1,"a\n2,b\n', "row 2 opens a quote"), ('id,x\n1,"a"b\n', "row 2 has wrong quotes")]
)
def test_wrong_quotes_are_told_by_row(text: str, told: str) -> None:
    with pytest.raises(Failed, match=told):
        list(rows(text, ","))


# -- columns


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (
            "EmployeeID,Status,Country,Department,Manager ID,Is Manager",
            "person enabled region department manager leader",
        ),
        (
            "Personalnummer,Aktiv,Land,Abteilung,Vorgesetzter,Botschafter",
            "person enabled region department manager ambassador",
        ),
        ("Nº empleado,Estado,País,Departamento,Jefe,Tipo de empleado", "enabled region department manager kind"),
        (
            "Matricule,Statut,Pays,Service,Responsable,Fuseau horaire",
            "person enabled region department manager timezone",
        ),
        (
            "Anställningsnummer,Status,Land,Avdelning,Närmaste chef,Ledare",
            "person enabled region department manager leader",
        ),
    ],
)
def test_usual_names_are_recognised_in_five_languages(header: str, names: str) -> None:
    maps = {} if names.startswith("person") else {"person": "Nº empleado"}
    found = columns(header.split(","), maps)
    assert set(found) == {"person", *names.split()}


def test_a_missing_person_column_names_the_columns() -> None:
    with pytest.raises(Failed, match="The file has the columns Foo, Bar: say --map person=COLUMN"):
        columns(["Foo", "Bar"], {})


def test_two_that_could_be_meant_are_an_error_until_one_is_named() -> None:
    header = ["EmployeeID", "Login", "Dept", "Division"]
    with pytest.raises(Failed, match="which column is person, EmployeeID or Login"):
        columns(header, {"department": ""})
    assert columns(header, {"person": "login", "department": "Division"}) == {"person": 1, "department": 3}
    assert columns(["person", "login", "id"], {}) == {"person": 0}


def test_a_manager_id_comes_before_a_manager() -> None:
    header = ["person", "Manager", "Manager ID", "Manager Email", "Email", "Name"]
    assert columns(header, {}) == {"person": 0, "manager": 2}
    assert columns(header, {}, "email") == {"person": 0, "manager": 3, "email": 4}
    assert columns([*header, "Manager Name"], {}, "name") == {"person": 0, "manager": 6, "name": 5}


@pytest.mark.parametrize(
    ("maps", "told"),
    [({"foo": "x"}, "there is no field foo"), ({"region": "x"}, "no such column, but the columns person")],
)
def test_a_wrong_map_is_wrong_usage(maps: dict[str, str], told: str) -> None:
    with pytest.raises(Usage, match=told):
        columns(["person"], maps)


# -- words


@pytest.mark.parametrize("word", ["1", "TRUE", "Ja", "sí", "Oui", "aktiv", "Active", "On Leave", "Anställd", "x"])
def test_yes(word: str) -> None:
    assert Words().flag(word) is True


@pytest.mark.parametrize(
    "word", ["0", "false", "NEIN", "Terminated", "gekündigt", "baja", "désactivé", "slutat", "In-active"]
)
def test_no(word: str) -> None:
    assert Words().flag(word) is False


def test_kinds_and_own_words() -> None:
    words = Words(["Zeitarbeit=person", "ruhend=no"])
    assert [words.kind(word) for word in ("Contractor", "Zeitarbeit", "Bot", "Employee", "?")] == [
        "guest", "person", "service", "person", None,
    ]  # fmt: skip
    assert words.flag("Ruhend") is False
    for wrong in ("x", "x=maybe", "=yes"):
        with pytest.raises(Usage, match="write WORD=MEANING"):
            Words([wrong])
