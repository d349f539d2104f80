"""What the words in a column mean: yes and no, and the kinds, in five languages; users add their own."""

from collections.abc import Iterable, Mapping
from typing import Final

from agents.errors import Usage
from agents.hr_export.columns import plain

# As `plain` writes them; English, German, Spanish, French, Swedish.
_WORDS: Final[Mapping[str, str]] = {
    "yes": """
        1 true t yes y x active activated enabled employed current hired working
        onleave leave leaveofabsence parentalleave
        wahr ja j aktiv aktiviert angestellt beschaftigt beurlaubt elternzeit mutterschutz
        verdadero si s activo activa habilitado habilitada alta excedencia permiso
        vrai oui o actif active conge present sant anstalld tjanstledig foraldraledig""",
    "no": """
        0 false f no n inactive deactivated disabled terminated left leaver former resigned retired suspended deceased
        dismissed quit blocked locked departed exited
        falsch nein inaktiv deaktiviert ausgeschieden gekundigt ehemalig gesperrt pensioniert verstorben ausgetreten
        falso inactivo inactiva deshabilitado deshabilitada baja cesado cesada despedido jubilado bloqueado
        faux non inactif inactive parti partie sorti sortie desactive desactivee licencie retraite bloque
        falskt nej inaktiverad slutat avslutad uppsagd sparrad pensionerad""",
    "person": """
        person employee internal permanent regular staff fulltime parttime fte worker intern trainee apprentice
        mitarbeiter angestellt angestellter festangestellt vollzeit teilzeit azubi auszubildender praktikant werkstudent
        empleado empleada interno interna fijo fija becario indefinido employe employee salarie salariee interne
        cdi cdd stagiaire apprenti anstalld tillsvidare fastanstalld heltid deltid praktikant""",
    "guest": """
        guest external contractor contingent contingentworker consultant vendor supplier partner temp freelancer agency
        gast extern externer externe leiharbeiter berater dienstleister freiberufler zeitarbeit
        invitado externo externa contratista consultor proveedor
        invite prestataire externe consultant interimaire fournisseur gast konsult inhyrd leverantor""",
    "service": """
        service system bot robot technical serviceaccount systemaccount application shared functional
        dienst systemkonto technisch dienstkonto servicekonto funktionskonto robot
        servicio sistema tecnico technique systeme comptedeservice tjanst tjanstekonto systemkonto teknisk""",
}


class Words:
    """Meanings of words; `own` (`Zeitarbeit=guest`) come first."""

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._own: dict[str, str] = {}
        for pair in own:
            word, equals, meaning = pair.rpartition("=")
            if not (equals and plain(word)) or meaning not in _WORDS:
                raise Usage(f"--word {pair}: write WORD=MEANING, the meaning one of {', '.join(_WORDS)}")
            self._own[plain(word)] = meaning

    def flag(self, cell: str) -> bool | None:
        """Return whether a cell says yes; None: it says neither."""
        meaning = self._meaning(cell, ("yes", "no"))
        return None if meaning is None else meaning == "yes"

    def kind(self, cell: str) -> str | None:
        """Return the kind that a cell names, or None."""
        return self._meaning(cell, ("person", "guest", "service"))

    def _meaning(self, cell: str, allowed: tuple[str, ...]) -> str | None:
        word = plain(cell)
        if self._own.get(word) in allowed:
            return self._own[word]
        return next((meaning for meaning in allowed if word in _SETS[meaning]), None)


_SETS: Final = {meaning: frozenset(words.split()) for meaning, words in _WORDS.items()}
