"""What people write, in the languages of the regions. Data only; nothing reads meaning into it here."""

from typing import Final

QUESTION, HELP, ANSWER, THANKS, PLAIN = range(5)

PHRASES: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "en": (
        ("Where do I find the travel form?", "Does anybody know when the canteen opens?", "How do I book a room?"),
        ("Help, I am stuck with the new client", "It does not work for me, please help", "I cannot log in to the VPN"),
        ("You find it under Settings", "Restart it and try again", "The form is on the intranet"),
        ("Thank you, great work!", "Well done, team", "Kudos for the quick fix"),
        ("Minutes of Monday's meeting", "The new release is out", "Lunch at noon 🍜"),
    ),
    "es": (
        ("¿Dónde encuentro el formulario?", "¿Alguien sabe cuándo abre el comedor?", "¿Cómo reservo una sala?"),
        ("Ayuda, no puedo entrar", "No me funciona, ¿me ayudáis?", "Necesito ayuda con la VPN"),
        ("Está en Ajustes", "Reinícialo y prueba otra vez", "El formulario está en la intranet"),
        ("¡Muchas gracias!", "Enhorabuena al equipo", "Gran trabajo"),
        ("Acta de la reunión", "Ya está la nueva versión", "gracias"),
    ),
    "sv": (
        ("Var hittar jag blanketten?", "Vet någon när matsalen öppnar?", "Hur bokar jag ett rum?"),
        ("Hjälp, jag har kört fast", "Det fungerar inte för mig", "Jag behöver hjälp med VPN"),
        ("Den finns under Inställningar", "Starta om och försök igen", "Blanketten ligger på intranätet"),
        ("Tack så mycket!", "Bra jobbat", "Stort tack till hela laget"),
        ("Anteckningar från mötet", "Nya versionen är ute", "Fika klockan tre"),
    ),
    "ar": (
        ("أين أجد الاستمارة؟", "كيف أحجز قاعة؟"),
        ("أحتاج مساعدة من فضلكم", "لا أستطيع الدخول"),
        ("ستجدها في الإعدادات", "أعد التشغيل وحاول مرة أخرى"),
        ("شكراً جزيلاً", "عمل رائع"),
        ("محضر الاجتماع", "صدر الإصدار الجديد"),
    ),
    "pt": (
        ("Onde encontro o formulário?", "Alguém sabe quando abre o refeitório?", "Como reservo uma sala?"),
        ("Socorro, não consigo entrar", "Preciso de ajuda com a VPN", "Não funciona para mim"),
        ("Está em Configurações", "Reinicie e tente de novo"),
        ("Muito obrigado!", "Parabéns à equipe"),
        ("Ata da reunião", "Saiu a nova versão"),
    ),
    "ja": (
        ("申請書はどこにありますか？", "会議室はどう予約しますか？"),
        ("助けてください、ログインできません", "動きません、教えてください"),
        ("設定にあります", "再起動してみてください"),
        ("ありがとうございます！", "お疲れさまでした"),
        ("会議の議事録です", "新しい版が出ました"),
    ),
    "ru": (
        ("Где найти форму?", "Кто-нибудь знает, когда открывается столовая?"),
        ("Помогите, не могу войти", "У меня не работает"),
        ("Это в настройках", "Перезапустите и попробуйте снова"),
        ("Спасибо большое!", "Отличная работа"),
        ("Протокол встречи", "Вышла новая версия"),
    ),
}
