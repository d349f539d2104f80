"""Which column holds what: named by the user, or recognised by its usual names in five languages.

Rules: a column is recognised only if it is the only one that could be meant; two of them are an error that says how
to choose. `email` and `name` are read to find managers, and go nowhere.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from agents.errors import Failed, Usage
from agents.terminal.printing import harmless

FIELDS: Final = (
    "person", "enabled", "kind", "region", "department", "manager", "leader", "ambassador", "timezone", "email", "name",
)  # fmt: skip
MANAGER_BY: Final = ("id", "email", "name")

_HEADING_TOLD, _HEADINGS_TOLD = 40, 40

# Without accents, blanks and signs, in lower case; English, German, Spanish, French, Swedish.
_USUAL: Final[Mapping[str, str]] = {
    "person": """
        person personid employeeid employeenumber employeeno employee staffid staffnumber workerid userid user uid
        username login loginname accountname samaccountname id
        personalnummer persnr mitarbeiternummer mitarbeiterid mitarbeiternr benutzer benutzername benutzerid kennung
        idempleado numeroempleado numerodeempleado idusuario usuario nombredeusuario matricula
        matricule identifiant idemploye numeroemploye utilisateur nomutilisateur
        anstallningsnummer anstallningsid anstallningsnr anvandare anvandarnamn anvandarid personid""",
    "enabled": """
        enabled active isactive status employmentstatus employeestatus accountstatus accountenabled userstatus
        aktiv istaktiv beschaftigungsstatus mitarbeiterstatus kontostatus
        activo habilitado estado estatus situacion estadolaboral actif statut etat anstallningsstatus""",
    "kind": """
        kind persontype usertype employeetype workertype employmenttype mitarbeitertyp mitarbeiterart benutzertyp
        tipo tipoempleado tipodeempleado tipousuario typeemploye typeutilisateur anstallningstyp anstallningsform""",
    "region": """
        region country countrycode location site office land landercode standort niederlassung
        pais ubicacion sede pays site lieu landskod ort kontor""",
    "department": """
        department dept departmentname orgunit organizationalunit organisationunit businessunit division team
        abteilung bereich organisationseinheit orgeinheit departamento area unidad departement service unite
        avdelning enhet""",
    "manager": """
        manager managerid manageruserid managerpersonid manageremployeeid supervisor supervisorid reportsto reportstoid
        linemanager linemanagerid vorgesetzter vorgesetzte vorgesetzterid fuhrungskraft fuhrungskraftid
        jefe idjefe responsable idresponsable supervisora superior gestionnaire idmanager superieur chef chefid
        chefsid narmastechef""",
    "leader": """
        leader isleader ismanager peoplemanager isexecutive fuhrungskraftjanein istfuhrungskraft leitend
        lider eslider esjefe dirigeant estmanager estresponsable ledare arledare archef""",
    "ambassador": """
        ambassador isambassador champion ischampion botschafter istbotschafter embajador esembajador
        ambassadeur estambassadeur ambassador ambassadorja arambassador""",
    "timezone": "timezone tz zeitzone zonahoraria husohorario fuseauhoraire fuseau tidszon",
    "email": """
        email mail emailaddress workemail businessemail userprincipalname upn
        emailadresse mailadresse correo correoelectronico courriel adresseemail adressecourriel epost epostadress""",
    "name": """
        name fullname displayname employeename vollername anzeigename mitarbeitername nombre nombrecompleto
        nom nomcomplet namn fullstandigtnamn visningsnamn""",
}
_MANAGER_BY: Final = {
    "email": """
        manageremail managermail manageremailaddress supervisoremail linemanageremail vorgesetzteremail
        vorgesetztermail emailvorgesetzter emailjefe correojefe correoresponsable emailresponsable emailmanager
        chefepost chefsepost chefemail""",
    "name": """
        managername supervisorname linemanagername namevorgesetzter vorgesetztername nombrejefe nombreresponsable
        nomresponsable nommanager chefnamn chefsnamn""",
}


def plain(text: str) -> str:
    """Return a heading or word as it is compared: Führungs-Kraft is fuhrungskraft."""
    bare = unicodedata.normalize("NFKD", text).casefold().replace("ß", "ss")
    return re.sub(r"[\W_]", "", "".join(sign for sign in bare if not unicodedata.combining(sign)))


def columns(header: Sequence[str], wanted: Mapping[str, str], manager_by: str = "id") -> dict[str, int]:
    """Return field -> place of its column. `wanted` names a field's column; an empty name leaves the field out.

    Raises Usage (a field or column that is not there) or Failed (no person, or not clear which column).
    """
    found = {}
    for field, name in wanted.items():
        if field not in FIELDS:
            raise Usage(f"--map {field}=...: there is no field {field}; there are {', '.join(FIELDS)}")
        if name:
            found[field] = _place(header, field, name)
    taken = set(found.values())
    for field in FIELDS:
        if field not in wanted and (field not in _MANAGER_BY or field == manager_by):
            place = _recognised(header, field, manager_by, taken)
            if place is not None:
                found[field] = place
    if "person" not in found:
        raise Failed(
            f"which column holds the person's id? The file has {_listed(header)}: say --map person=COLUMN, and choose "
            "the column whose ids are the actors of the events"
        )
    return found


def _place(header: Sequence[str], field: str, name: str) -> int:
    exact = [place for place, heading in enumerate(header) if heading == name.strip()]
    alike = exact or [place for place, heading in enumerate(header) if plain(heading) == plain(name)]
    if len(alike) != 1:
        what = "there are several such columns" if alike else f"there is no such column, but {_listed(header)}"
        raise Usage(f"--map {field}={name}: {what}")
    return alike[0]


def _recognised(header: Sequence[str], field: str, manager_by: str, taken: set[int]) -> int | None:
    lists = [_USUAL[field]]
    if field == "manager" and manager_by in _MANAGER_BY:
        lists.insert(0, _MANAGER_BY[manager_by])
    for usual in lists:
        names = set(usual.split())
        places = [place for place, heading in enumerate(header) if place not in taken and plain(heading) in names]
        if places:
            return _only(header, field, places)
    return None


def _only(header: Sequence[str], field: str, places: list[int]) -> int:
    surest = [place for place in places if plain(header[place]) == field]
    if field == "manager":  # beside a Manager ID, a Manager is a name
        surest = [place for place in places if plain(header[place]).endswith("id")]
    best = surest if len(surest) == 1 else places
    if len(best) > 1:
        either = " or ".join(header[place] for place in best)
        raise Failed(f"which column is {field}, {either}? Say --map {field}=COLUMN, or --map {field}= for none of them")
    return best[0]


def _listed(header: Sequence[str]) -> str:
    told = [harmless(heading)[:_HEADING_TOLD] or "(blank)" for heading in header[:_HEADINGS_TOLD]]
    more = f" and {len(header) - _HEADINGS_TOLD} more" if len(header) > _HEADINGS_TOLD else ""
    return "the columns " + ", ".join(told) + more
