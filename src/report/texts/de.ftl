# Der Bericht auf Deutsch. Zeilenumbrüche in einem Text bedeuten nichts: Der Bericht bricht seine Zeilen selbst um.

title = E-Mail-Sicherheitstest von { $domain }
subject = Auto: E-Mail-Sicherheitstest von { $domain }: { $policy }

## Die Antwort

answer-none = In den beobachteten Versuchen geht Mail von { $domain } unverschlüsselt auf die Reise, obwohl der empfangende
    Server Verschlüsselung anbot: Wer unterwegs mithört, kann sie lesen und verändern.
answer-may = In den beobachteten Versuchen ist Mail von { $domain } unterwegs nur verschlüsselt, solange niemand eingreift:
    Wer dazwischen sitzt, kann die Verschlüsselung abschalten oder sich als Server des Empfängers ausgeben, und sie lesen
    und verändern.
answer-encrypt = In den beobachteten Versuchen ist Mail von { $domain } unterwegs immer verschlüsselt, geht aber an jeden
    Server, der antwortet: Wer dazwischen sitzt, kann sich als Server des Empfängers ausgeben, und sie lesen und verändern.
answer-verify = In den beobachteten Versuchen ist Mail von { $domain } unterwegs verschlüsselt und geht nur an Server, die
    ihren Namen durch ein Zertifikat nachweisen; wer das DNS des Empfängers fälschen kann, lenkt sie dennoch zu einem
    eigenen Server um.
answer-dane = In den beobachteten Versuchen ist Mail von { $domain } unterwegs verschlüsselt und geht nur an den richtigen
    Server, wo immer die Domain des Empfängers durch signierte DNS-Einträge (DANE) sagt, welcher das ist.
answer-dane-only = In den beobachteten Versuchen ist Mail von { $domain } unterwegs verschlüsselt und geht nur an Server, die
    die Domain des Empfängers durch signierte DNS-Einträge (DANE) als die richtigen ausweist; andere Domains erhalten keine.
answer-mta-sts = In den beobachteten Versuchen ist Mail von { $domain } unterwegs verschlüsselt und geht nur an den richtigen
    Server, wo immer die Domain des Empfängers durch eine veröffentlichte Richtlinie (MTA-STS) sagt, welcher das ist.
answer-dane-mta-sts = In den beobachteten Versuchen ist Mail von { $domain } unterwegs verschlüsselt und geht nur an den
    richtigen Server, wo immer die Domain des Empfängers durch signierte DNS-Einträge (DANE) oder eine veröffentlichte
    Richtlinie (MTA-STS) sagt, welcher das ist.
answer-undetermined = In den beobachteten Versuchen zeigte sich nicht klar genug, wie Mail von { $domain } unterwegs geschützt
    ist.
answer-clear = Anfangs wurde sie jedoch unverschlüsselt angeboten, als Verschlüsselung zu fehlen schien.
answer-rating = Bewertung: { $rating }.
answer-unrated = Bewertung: keine, da das Ergebnis unbestimmt ist.

rating-bad = schlecht
rating-weak = schwach
rating-fair = ausreichend
rating-good = gut
rating-very-good = sehr gut
rating-missing = keine

## Verbindungen

history = Verbindungen
history-note = Alle Zeiten sind in UTC, Daten in der Form Tag.Monat.Jahr. Server ist die Nummer des Testservers, danach kommen
    der Transport und wie weit die Verbindung kam (None, SniSeen, TlsStarted, Mail oder Acked).
history-empty = Es wurde keine Verbindung beobachtet.
history-line = (Server { $server }, { $transport }, { $status }{ $shared })
history-shared = , geteilt
history-shared-note = Eine als geteilt bezeichnete Verbindung endete, bevor der Absender seine Adresse nannte; sie kann also
    zu einer anderen Nachricht von derselben Stelle gehören.
history-more = ({ $count } weitere in der angehängten Datei)
history-from = Von: { $from }
history-to = An: { $to }
history-signatures = Signaturen: { $signatures }
history-null-sender = (leer)
transport-plain = Klartext
transport-encrypted = verschlüsselt
server-unknown = unbekannt

## Analyse des Versands

sending = Analyse des Versands
sending-none = Eine Nachricht wurde im Klartext an einen Server gesendet, der STARTTLS anbot, und STARTTLS wurde in den
    beobachteten Versuchen nie benutzt. Der Absender verschlüsselt also nicht (in den Worten von Postfix: none), Bewertung:
    { $rating }.
sending-may = Nachrichten wurden verschlüsselt gesendet, wo das angeboten wurde, und sonst im Klartext oder an Server mit
    beliebigem Zertifikat. In den beobachteten Versuchen nutzt der Absender also opportunistisches TLS nach RFC 7435 (in
    den Worten von Postfix: may), Bewertung: { $rating }.
sending-encrypt = Nachrichten wurden nur verschlüsselt gesendet, aber auch an Server mit beliebigem Zertifikat. In den
    beobachteten Versuchen verlangt der Absender also TLS, ohne Zertifikate zu prüfen (in den Worten von Postfix: encrypt),
    Bewertung: { $rating }.
sending-verify = Nur Server mit einem vertrauenswürdigen Zertifikat für ihren Namen erhielten eine Nachricht. In den
    beobachteten Versuchen verlangt der Absender also TLS mit Prüfung der Zertifikate (in den Worten von Postfix: verify
    oder secure), Bewertung: { $rating }.
sending-dane = Nur Server, deren Zertifikate nach RFC 7672 gültig sind, erhielten eine Nachricht an die Domain, die
    TLSA-Einträge veröffentlicht. In den beobachteten Versuchen nutzt der Absender also RFC 7672 (in den Worten von Postfix:
    dane), Bewertung: { $rating }.
sending-dane-only = Nur Server, deren Zertifikate nach RFC 7672 gültig sind, erhielten eine Nachricht, und die Domain ohne
    TLSA-Einträge erhielt keine. In den beobachteten Versuchen verlangt der Absender also überall RFC 7672 (in den Worten
    von Postfix: dane-only), Bewertung: { $rating }.
sending-mta-sts = Nur Server, die in der MTA-STS-Richtlinie stehen und ein vertrauenswürdiges Zertifikat für ihren Namen
    haben, erhielten eine Nachricht. In den beobachteten Versuchen nutzt der Absender also RFC 8461 (MTA-STS), Bewertung:
    { $rating }.
sending-dane-mta-sts = Nur der Server, dessen Zertifikat sowohl nach RFC 7672 als auch nach der MTA-STS-Richtlinie gültig ist,
    erhielt eine Nachricht. In den beobachteten Versuchen erzwingt der Absender also RFC 7672 (DANE) und RFC 8461 (MTA-STS)
    zusammen, Bewertung: { $rating }.
sending-undetermined = Was beobachtet wurde, führt nicht auf ein einziges Verhalten; daher gibt es keine Bewertung.
sending-supported = Die Zustellungen allein lassen mehr als ein Verhalten zu; die DNS-Anfragen des Absenders, seine Abrufe
    der MTA-STS-Richtlinie oder seine eigenen TLS-Berichte gaben den Ausschlag.

undetermined-candidates = Möglich sind: { $policies }.
undetermined-contradictory = Es passt zu keinem bekannten Verhalten: Vielleicht sind mehrere Server mit verschiedenen
    Einstellungen am Werk.
undetermined-waiting = Es fehlt eine Antwort von Server { $servers }, die den Unterschied gezeigt hätte, oder der nie besucht
    wurde.
undetermined-attempts = { $attempts ->
    [one] Beobachtet wurde ein Versuch, { $started } bis { $ended } UTC.
   *[other] Beobachtet wurden { $attempts } Versuche von { $started } bis { $ended } UTC.
    }
undetermined-open = Der Test ist noch nicht zu Ende: Weitere Versuche werden erwartet.
undetermined-expired = Seither hat der Absender es nicht mehr versucht.
undetermined-patience = Weitere Versuche mit derselben Nachricht hätten kaum mehr gezeigt, daher wurde sie angenommen.
undetermined-et = An die Testadresse in et wurde nicht geschrieben, soweit zu sehen ist.
undetermined-ut = An die Testadresse in ut wurde nicht geschrieben, soweit zu sehen ist.
undetermined-gap = Von { $from } bis { $until } UTC gingen Beobachtungen verloren ({ $what }).
gap-connections = Verbindungen
gap-queries = DNS-Anfragen

policy-none = none (keine Verschlüsselung)
policy-may = may (opportunistisches TLS)
policy-encrypt = encrypt (TLS, beliebiges Zertifikat)
policy-verify = verify (TLS, vertrauenswürdiges Zertifikat)
policy-dane = dane (RFC 7672)
policy-dane-only = dane-only (RFC 7672 überall)
policy-mta-sts = mta-sts (RFC 8461)
policy-dane-mta-sts = dane und mta-sts (RFC 7672 und RFC 8461)
policy-undetermined = unbestimmt

servers = Die Server, und was aus Nachrichten an sie wurde:
servers-line = Server { $server } ({ $properties }): { $state }
server-no-sni = ohne SNI erreicht
server-self-signed = selbstsigniertes Zertifikat
server-ca = Zertifikat einer öffentlichen Stelle
server-tlsa-valid = gültige TLSA-Einträge
server-tlsa-invalid = ungültige TLSA-Einträge
server-tlsa-none = keine TLSA-Einträge
server-in-policy = in der MTA-STS-Richtlinie
server-not-in-policy = nicht in der MTA-STS-Richtlinie
server-no-policy = keine MTA-STS-Richtlinie
state-accepted = angenommen
state-refused = abgelehnt
state-passed-over = übergangen
state-open = keine Antwort beobachtet
state-clear = im Klartext

plaintext-et-refused = Ohne STARTTLS wurde in den beobachteten Versuchen keine Nachricht an et angeboten, die Domain, die
    TLSA-Einträge und eine MTA-STS-Richtlinie veröffentlicht, Bewertung: { $rating }.
plaintext-et-sent = Ohne STARTTLS wurde eine Nachricht im Klartext an et angeboten, die Domain, die TLSA-Einträge und eine
    MTA-STS-Richtlinie veröffentlicht, Bewertung: { $rating }.
plaintext-et-unseen = An et, der Domain, die TLSA-Einträge und eine MTA-STS-Richtlinie veröffentlicht, wurde kein Versuch ohne
    STARTTLS beobachtet; daher gibt es keine Bewertung.
plaintext-ut-refused = Ohne STARTTLS wurde in den beobachteten Versuchen keine Nachricht an ut angeboten, die Domain, die
    beides nicht veröffentlicht; das ist oft eine eigene Einstellung des Verwalters, Bewertung: { $rating }.
plaintext-ut-sent = Ohne STARTTLS wurde eine Nachricht im Klartext an ut angeboten, die Domain, die beides nicht
    veröffentlicht, Bewertung: { $rating }.
plaintext-ut-unseen = An ut, der Domain, die beides nicht veröffentlicht, wurde kein Versuch ohne STARTTLS beobachtet; daher
    gibt es keine Bewertung.

reasons = Wie das folgt, Schritt für Schritt:
reason-step = { $seen }.
reason-excludes = { $seen }; das schließt { $policies } aus.
reason-clear-et = Ohne STARTTLS wurde et Mail im Klartext angeboten
reason-clear-ut = Ohne STARTTLS wurde ut Mail im Klartext angeboten
reason-left-et = Ohne STARTTLS verließ der Absender et, ohne Mail anzubieten
reason-left-ut = Ohne STARTTLS verließ der Absender ut, ohne Mail anzubieten
reason-clear-although-offered-et = Mail wurde et im Klartext angeboten, obwohl es STARTTLS gab
reason-clear-although-offered-ut = Mail wurde ut im Klartext angeboten, obwohl es STARTTLS gab
reason-never-starttls = Es gab STARTTLS, und es wurde nie benutzt
reason-starttls = STARTTLS wurde benutzt
reason-accepted = Server { $server } wurde akzeptiert
reason-refused = Server { $server } wurde abgelehnt
reason-accepted-issued = Server { $server } wurde mit einem Zertifikat akzeptiert, das eine Stelle für einen anderen Namen ausgestellt hat
reason-refused-issued = Server { $server } wurde mit einem Zertifikat abgelehnt, das eine Stelle für einen anderen Namen ausgestellt hat
reason-accepted-self-signed = Server { $server } wurde mit selbstsigniertem Zertifikat akzeptiert
reason-refused-self-signed = Server { $server } wurde mit selbstsigniertem Zertifikat abgelehnt
reason-refused-later = Server { $server } wurde abgelehnt, nachdem er akzeptiert worden war
reason-no-sni = Kein Server von et wurde im Handshake genannt (SNI), wo sich alle eine Adresse teilen
reason-no-sni-own-address = Ein Server von et wurde im Handshake nicht genannt (SNI)
reason-passed-over = Server { $server } wurde übergangen, wo er an der Reihe war
reason-at-ut = Der Absender kam zu ut
reason-never-at-ut = Mail ging an et, und zu ut kam nichts
reason-policy-reported = Der eigene TLS-Bericht des Absenders nennt die Art der Richtlinie, von denen, die die Zustellungen zulassen
reason-policy-known = Der Absender fragte selbst nach der MTA-STS-Richtlinie, die die Zustellungen neben anderem zulassen

beside = Neben den Zustellungen zu sehen; es zeigt, wonach der Absender fragt, und beweist keine Zustellung:
beside-line = { $what }: { $count ->
    [one] einmal, { $first } UTC
   *[other] { $count }-mal, { $first } bis { $last } UTC
    }, von { $who }
beside-fetch = Abruf der MTA-STS-Richtlinie
beside-report = TLS-Bericht über diese Zeit (RFC 8460)
beside-do = { $count } mit DO
beside-cd = { $count } mit CD
beside-shared = vielleicht von jemand anderem

findings = Befunde:
finding-rfc = (RFC { $rfc })
finding-evidence = Belege: { $evidence }
finding-plaintext-although-offered = In den beobachteten Versuchen wurde Mail im Klartext gesendet, obwohl der Server STARTTLS
    anbot.
finding-plaintext-after-tls-failure = Nachdem ein TLS-Handshake gescheitert war, wurde Mail im Klartext gesendet.
finding-opportunistic-sni = Der Absender nennt im Handshake den Mailserver (SNI), nimmt aber jedes Zertifikat.
finding-opportunistic-verifying = Zertifikate werden geprüft, wo TLS angeboten wird; ohne TLS aber wird Mail im Klartext
    gesendet, so dass die Prüfung nichts schützt.
finding-weakens-on-retry = Ein Zertifikat wurde zuerst abgelehnt, in einem späteren Versuch aber jedes genommen.
finding-verify-without-sni = Zertifikate werden geprüft, aber der Mailserver wird im Handshake nicht genannt (SNI); Server mit
    mehreren Namen können so nicht das richtige zeigen.
finding-chain-only = Ein Zertifikat für einen anderen Namen wurde genommen, nachdem ein selbstsigniertes abgelehnt worden war:
    Geprüft wird nur der Aussteller, oder die Prüfung wird bei einer Wiederholung aufgegeben.
finding-plaintext-ut-only = Mail an die Domain ohne Richtlinie wurde im Klartext gesendet, als TLS zurückgehalten wurde; Mail
    an die Domain mit Richtlinie nicht.
finding-ut-not-addressed = Erst eine Mail auch an die zweite Adresse kann zeigen, ob TLS auch dort verlangt wird, wo es keine
    TLSA-Einträge gibt.
finding-et-not-addressed = Erst eine Mail auch an die erste Adresse kann zeigen, welche Zertifikate genommen werden.
finding-sts-refused-after-connect = Der Absender verbindet sich mit einem Server, der nicht in der MTA-STS-Richtlinie steht,
    und wendet sich erst dann ab, statt ihn auszulassen.
finding-sts-lazy = Ein erster Versuch geschah, bevor die MTA-STS-Richtlinie bekannt war, und ohne ihren Schutz.
finding-sts-overrides-dane = Der Absender fragt nach TLSA-Einträgen, nahm aber ein Zertifikat, zu dem sie nicht passen:
    MTA-STS darf DANE nicht aufheben.
finding-dane-and-sts = DANE und MTA-STS müssen beide erfüllt sein, bevor dieser Absender zustellt.
finding-tls-too-old = Ein Handshake scheiterte, da der Absender keine TLS-Version oder Cipher-Suite mit TLS 1.2 und 1.3 gemein
    hat.
finding-window-unseen = Während TLS zurückgehalten wurde, war kein Versuch zu sehen; über Klartext an die erste Domain ist
    daher nichts bekannt.
finding-three-unproven = Server 4, 5 und 6 haben geantwortet; ob Server 3 gemieden oder nur nie erreicht wurde, ist nicht
    erwiesen.
finding-all-refused = Jedes Zertifikat wurde abgelehnt, auch das richtige: An solche Server kann keine Mail zugestellt werden.
finding-bare-line-end = Es kamen Zeilen, die nicht mit CRLF enden; damit lassen sich Mails an Filtern vorbeischmuggeln. Sie
    wurden abgelehnt.
finding-foreign-connections = Auch andere haben unter dieser Adresse gesendet, von Servern, die nicht nachweisen konnten, dass sie
    es dürfen; was sie taten, zählt nicht.
finding-contradictory = Was beobachtet wurde, passt zu keinem bekannten Verhalten: Vielleicht sind mehrere Mailserver mit
    verschiedenen Einstellungen am Werk.
finding-tlsrpt-confirms = Der TLS-Bericht des Absenders (RFC 8460) stimmt mit dem Beobachteten überein.
finding-tlsrpt-contradicts = Der TLS-Bericht des Absenders (RFC 8460) sagt anderes, als beobachtet wurde.

## Analyse des Empfangs

receiving = Analyse des Empfangs
receiving-of = So empfängt { $domain } Mail:
receiving-later = Der Empfang von Mail durch { $domain } wird geprüft, wenn der Test zu Ende ist.
receiving-missing = Der Empfang von Mail durch { $domain } wurde nicht geprüft.
receiving-null-mx = { $domain } sagt, dass es keine Mail empfängt (Null-MX, RFC 7505).
receiving-no-mx = Es wurde kein Mailserver von { $domain } gefunden.
mx-server = Mailserver
mx-addresses = Adressen
mx-root-issuer = Aussteller der Wurzel
mx-dnssec = DNSSEC
mx-starttls = STARTTLS
mx-tls-version = TLS-Version
mx-forward-secrecy = Forward Secrecy
mx-certificate = Zertifikat
mx-tlsa = Passt zu TLSA
mx-mta-sts = MTA-STS
mx-caa = CAA
mx-error = Störung
nothing = -
dnssec-mx = Mx
dnssec-a = A
dnssec-tlsa = Tlsa
dnssec-bogus = { $name } gefälscht
dnssec-unknown = { $name } unbekannt
dnssec-none = None
starttls-absent = Absent
starttls-optional = SuccessOptional
starttls-required = SuccessRequired
starttls-failed = Failed
starttls-unknown = Unknown
trust-trusted = Trusted
trust-untrusted = Untrusted
trust-expired = Expired
trust-name-mismatch = NameMismatch
trust-unknown = Unknown
cell-pass = Ok
cell-fail = Fail
cell-unknown = Unknown
cell-not-applicable = -
mark-pass = erfüllt
mark-fail = nicht erfüllt
mark-unknown = unbekannt
mark-not-applicable = nicht anwendbar
mark-qualified = Qualifizierte Transportverschlüsselung
mark-dane = RFC 7672 SMTP-DANE
mark-sts = RFC 8461 MTA-STS
mark-tlsrpt = RFC 8460 TLSRPT
mark-spf = RFC 7208 SPF
mark-dmarc = RFC 7489 DMARC
colour = Farbe
colour-red = rot (keine Verschlüsselung)
colour-yellow = gelb (Verschlüsselung ohne vertrauenswürdige Zertifikate)
colour-white = weiß (gültige Zertifikate)
colour-green = grün (SMTP-DANE oder qualifizierte Transportverschlüsselung)
colour-grey = grau (siehe Bemerkungen)
remarks = Bemerkungen:
networks = Netze hinter den Adressen:
network-line = { $name }, { $owner }, { $country }: { $addresses }

## Rat

advice = Was zu tun ist
advice-none = Lassen Sie den Mailserver von { $domain } verschlüsseln. Setzen Sie in Postfix smtp_tls_security_level = dane
    zusammen mit smtp_dns_support_level = dnssec, mit einem validierenden Resolver auf derselben Maschine (etwa unbound);
    dann wird verschlüsselt, wo immer das angeboten wird, und geschützt, wo der Empfänger TLSA-Einträge veröffentlicht. In
    Exim entfernen Sie hosts_avoid_tls und setzen hosts_try_dane = * im SMTP-Transport.
advice-may = Lassen Sie den Mailserver von { $domain } prüfen, mit wem er spricht. Setzen Sie in Postfix
    smtp_tls_security_level = dane und smtp_dns_support_level = dnssec, mit einem validierenden Resolver auf derselben
    Maschine (etwa unbound); in Exim hosts_try_dane = * im SMTP-Transport. Für Empfänger mit MTA-STS kommt ein Dienst wie
    postfix-tlspol in smtp_tls_policy_maps hinzu.
advice-encrypt = Erzwungene Verschlüsselung hält Lauscher fern, aber keine Hochstapler. Setzen Sie in Postfix
    smtp_tls_security_level = dane und smtp_dns_support_level = dnssec, mit einem validierenden Resolver auf derselben
    Maschine, und behalten Sie encrypt, oder besser secure, für einzelne Domains in smtp_tls_policy_maps. Für Empfänger mit
    MTA-STS kommt ein Dienst wie postfix-tlspol hinzu.
advice-verify = Zertifikate überall zu prüfen ist stark, doch wer das DNS fälscht, kann einen eigenen Server nennen. Ziehen Sie
    in Postfix smtp_tls_security_level = dane mit smtp_dns_support_level = dnssec und einem validierenden Resolver auf
    derselben Maschine vor, und behalten Sie in smtp_tls_policy_maps secure für Domains, die Sie kennen.
advice-dane = Für Empfänger mit DANE ist nichts zu tun. Für solche, die nur MTA-STS haben, kann ein Dienst wie postfix-tlspol
    in smtp_tls_policy_maps hinzukommen; MTA-STS darf dabei nie DANE aufheben (RFC 8461 2).
advice-dane-only = Für Empfänger mit DANE ist nichts zu tun. Die meisten Domains haben keine TLSA-Einträge und sind mit dieser
    Einstellung nicht zu erreichen; wo das nicht gewollt ist, setzen Sie in Postfix smtp_tls_security_level = dane und
    behalten dane-only für einzelne Domains in smtp_tls_policy_maps.
advice-mta-sts = Für Empfänger mit MTA-STS ist nichts zu tun. Nehmen Sie DANE hinzu, das beim ersten Kontakt kein blindes
    Vertrauen braucht: in Postfix smtp_tls_security_level = dane, smtp_dns_support_level = dnssec und ein validierender
    Resolver auf derselben Maschine; hat ein Empfänger beides, entscheidet DANE (RFC 8461 2).
advice-dane-mta-sts = Es ist nichts zu tun.
advice-undetermined = Senden Sie vom selben Maildienst noch eine Mail an beide Testadressen, in einer Nachricht, und lassen Sie
    ihn versuchen, solange er will; meldet er, dass die Mail noch nicht zugestellt werden konnte, so gehört das zum Test.
advice-plaintext-although-offered = Finden Sie heraus, warum STARTTLS nicht immer benutzt wird, wo es angeboten wird: in Postfix
    durch einen Blick in smtp_tls_policy_maps und smtp_discard_ehlo_keywords, in Exim in hosts_avoid_tls.
advice-plaintext-after-tls-failure = Lassen Sie die Mail nach einem gescheiterten Handshake warten, statt sie im Klartext zu
    senden: in Exim mit tls_tempfail_tryclear = false, in Postfix mit encrypt oder strenger.
advice-opportunistic-sni = Den Mailserver im Handshake zu nennen schützt für sich allein nichts: Lassen Sie auch sein Zertifikat
    prüfen, wo der Empfänger durch DANE oder MTA-STS sagt, wie es zu sein hat.
advice-opportunistic-verifying = Wo Zertifikate geprüft werden, verlangen Sie auch TLS, damit niemand die Prüfung dadurch
    ausschalten kann, dass er STARTTLS verbirgt.
advice-chain-only = Lassen Sie außer dem Aussteller auch den Namen im Zertifikat prüfen: in Postfix mit
    smtp_tls_verify_cert_match = hostname, in Exim mit tls_verify_cert_hostnames = *.
advice-plaintext-ut-only = Mail an Domains, die nichts veröffentlichen, kann weiterhin im Klartext hinausgehen. Um das für Partner zu
    verbieten, die Sie kennen, verlangen Sie für sie Verschlüsselung, in Postfix mit encrypt oder secure in
    smtp_tls_policy_maps.
advice-sts-refused-after-connect = Lassen Sie Mailserver aus, die die MTA-STS-Richtlinie nicht nennt: in Postfix mit
    smtp_tls_enforce_sts_mx_patterns = yes (3.10.5 und 3.11).
advice-sts-lazy = Eine Mail ging hinaus, bevor die MTA-STS-Richtlinie bekannt war: Sorgen Sie dafür, dass der erste Versuch
    geschützt ist wie spätere, indem die Richtlinie vor dem Verbinden nachgesehen wird.
advice-dane-and-sts = Daran ist nichts falsch; doch ein Empfänger, bei dem DANE und MTA-STS nicht zusammenpassen, erhält keine
    Mail.
advice-window-unseen = Senden Sie noch eine Mail, eine Stunde oder mehr nach der Zustellung dieser, damit auch ihr erster
    Versuch zu sehen ist.
advice-all-refused = Sehen Sie im Log des Absenders nach, warum auch das richtige Zertifikat abgelehnt wurde: Seine Liste
    vertrauenswürdiger Stellen, seine Uhr oder sein Resolver können schuld sein.
advice-bare-line-end = Lassen Sie das Programm, das die Mails schreibt, jede Zeile mit CRLF beenden (RFC 5321 2.3.8).
advice-foreign-connections = Weisen Sie durch SPF oder DKIM jeden Mailserver aus, der unter dieser Adresse senden darf, und
    verbieten Sie die anderen.
advice-contradictory = Wenn Mail über mehrere Server oder Dienste hinausgeht, geben Sie allen dieselben Einstellungen, oder testen
    Sie jeden mit einem eigenen Absender.
advice-tlsrpt-contradicts = Vergleichen Sie den Bericht mit dem Verlauf oben: Andere Server derselben Organisation können andere
    Einstellungen haben.
advice-sts-overrides-dane = MTA-STS hebt bei diesem Absender DANE auf, entgegen RFC 8461 2: Ändern Sie die Reihenfolge im Dienst
    für die Richtlinien, oder nehmen Sie einen, der Domains mit TLSA-Einträgen in Ruhe lässt.
advice-tls-too-old = Die TLS-Bibliothek des Absenders ist veraltet; aktualisieren Sie sie, damit TLS 1.2 und 1.3 möglich sind.
advice-weakens-on-retry = Sorgen Sie dafür, dass eine gescheiterte Prüfung bei einer Wiederholung nicht aufgegeben wird.
advice-verify-without-sni = Lassen Sie den Mailserver den Zielserver im Handshake nennen (SNI); in Postfix:
    smtp_tls_servername = hostname (ab 3.4).
advice-inbound-red = Zum Empfang: Schalten Sie STARTTLS auf jedem Mailserver von { $domain } ein.
advice-inbound-yellow = Zum Empfang: Geben Sie jedem Mailserver von { $domain } ein vertrauenswürdiges Zertifikat für seinen
    eigenen Namen.
advice-inbound-dane = Zum Empfang: Signieren Sie die Zonen von { $domain } und seiner Mailserver mit DNSSEC, und
    veröffentlichen Sie TLSA-Einträge (3 1 1) für jeden Mailserver, damit Absender mit DANE ihn prüfen können.
advice-inbound-sts = Zum Empfang: Veröffentlichen Sie für { $domain } eine MTA-STS-Richtlinie, die jeden Mailserver nennt, mit
    einem vertrauenswürdigen Zertifikat auf jedem, damit Absender mit MTA-STS ihn prüfen können.
advice-inbound-unknown = Zum Empfang: Diesmal ließ sich nicht alles herausfinden; versuchen Sie es später noch einmal.
advice-inbound-none = Zum Empfang ist nichts zu tun.

## Belege

evidence = Belege
evidence-file = Die angehängte Datei { $file } enthält alles, worauf dieser Bericht beruht: jede Verbindung, DNS-Anfrage,
    jeden Abruf der Richtlinie und jeden TLS-Bericht mit Nummer und Zeit, als JSON. Mailadressen sind darin gekürzt. Die Nummer dieses Tests ist
    { $id }.
evidence-operator = Diese Nachricht stammt von einer Maschine; Antworten darauf liest der Betreiber des Tests.
