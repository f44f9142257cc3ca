"""What the deterministic extractor reads from plain English, and where it keeps silent."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from spectron_adapters.local.extraction.plain_statements import PlainStatements
from spectron_adapters.local.extraction.statements import (
    EntityRef,
    KnownAttribute,
    KnownNames,
    Statements,
    Utterance,
)

SAID_AT = datetime(2025, 3, 12, 15, 30, tzinfo=timezone(timedelta(hours=1)))  # a Wednesday


def read(text: str, *, known: KnownNames | None = None, **more: object) -> Statements:
    said = {"role": "user", "said_at": SAID_AT} | more
    return PlainStatements().extract([Utterance(text=text, **said)], known or KnownNames())


def lines(statements: Statements) -> list[str]:
    """Statements as short lines: `key=value`, `!` before a denial, `name:` before another subject."""
    found = []
    for item in statements.attributes:
        found.append(
            _whose(item.entity.name)
            + ("!" if item.negated else "")
            + f"{item.key}={item.value}"
            + _dates(item.valid_from, item.valid_until)
        )
    for item in statements.relations:
        found.append(
            _whose(item.subject.name)
            + ("!" if item.negated else "")
            + f"{item.label}>{item.object.name}"
            + _dates(item.valid_from, item.valid_until)
        )
    for item in statements.instructions:
        found.append(("revoke " if item.revoked else "order ") + item.label)
    return found + [f"unclear {item.about}" for item in statements.uncertainties]


def _whose(name: str) -> str:
    return "" if name == "user" else f"{name}:"


def _dates(start: datetime | None, end: datetime | None) -> str:
    return (f" from {start.date()}" if start else "") + (f" until {end.date()}" if end else "")


STATED = {
    # names and identity
    "My name is Priya.": ["name=Priya"],
    "my name's Tomasz Zielinski": ["name=Tomasz Zielinski"],
    "My full name is Ada de Vries!": ["name=Ada de Vries"],
    "Hello, I'm Noor and I live in Utrecht.": ["name=Noor", "lives_in=Utrecht"],
    "Hi! I\u2019m Zo\u00eb.": ["name=Zo\u00eb"],
    "My name is \u201cSkye\u201d.": ["name=Skye"],
    "I'm 41 years old.": ["age=41"],
    "I'm 29.": ["age=29"],
    "I turned 50 last week": ["age=50 from 2025-03-03"],
    "My birthday is on July 4th.": ["birthday=July 4th"],
    "I was born on 9 November 1989.": ["birth_date=9 November 1989"],
    "I was born in Tromso in 1990": ["birthplace=Tromso", "birth_date=1990"],
    "I'm from New Zealand": ["origin=New Zealand"],
    "I come from Ghana, you know.": ["origin=Ghana"],
    "I grew up in Cape Town.": ["grew_up_in=Cape Town"],
    "I'm Norwegian": ["nationality=Norwegian"],
    "My pronouns are they/them": ["pronouns=they/them"],
    "My email is noor@example.com.": ["email=noor@example.com"],
    "My phone number is +31 20 555 0199": ["phone=+31 20 555 0199"],
    "My native language is Welsh.": ["native_language=Welsh"],
    "I'm happily married.": ["relationship_status=married"],
    "I got engaged yesterday!": ["relationship_status=engaged from 2025-03-11"],
    # work and study
    "I'm a nurse.": ["occupation=nurse"],
    "I am a senior software engineer at Globex.": [
        "works_at=Globex",
        "occupation=senior software engineer",
    ],
    "I'm the CFO of a small bakery chain": ["occupation=CFO"],
    "I work as a translator in Ghent": ["occupation=translator"],
    "I work for Umbrella Ltd.": ["works_at=Umbrella Ltd"],
    "I work at St Thomas Hospital in London.": ["works_at=St Thomas Hospital"],
    "I work at a garden centre": ["workplace=garden centre"],
    "I work in logistics": ["field_of_work=logistics"],
    "I work in IT.": ["field_of_work=IT"],
    "I joined Initech in March 2024.": ["works_at=Initech from 2024-03-01"],
    "I started a new job at Hooli last Monday": ["works_at=Hooli from 2025-03-10"],
    "I've worked at Hooli since 2020": ["works_at=Hooli from 2020-01-01"],
    "I have been a teacher for ten years": ["occupation=teacher from 2015-03-12"],
    "I study marine biology at Bergen University": [
        "studies=marine biology",
        "studies_at=Bergen University",
    ],
    "I graduated from Trinity College in 2011": ["graduated_from>Trinity College from 2011-01-01"],
    "I'm a student at Leiden": ["studies_at=Leiden", "occupation=student"],
    "I work at Acme as a designer": ["works_at=Acme", "occupation=designer"],
    "I'm retired.": ["employment_status=retired"],
    "FYI I don't work at Acme anymore, I joined Hooli last month.": [
        "!works_at=Acme",
        "works_at=Hooli from 2025-02-01",
    ],
    # places
    "I live in Porto.": ["lives_in=Porto"],
    "i live in porto": ["lives_in=porto"],
    "I LIVE IN PORTO": ["lives_in=PORTO"],
    "I live in Portland, Oregon.": ["lives_in=Portland, Oregon"],
    "I live in S\u00e3o Paulo \U0001f60a": ["lives_in=S\u00e3o Paulo"],
    "I'm based in the Netherlands": ["lives_in=the Netherlands"],
    "We live in Galway.": ["lives_in=Galway"],
    "I moved to Turin last month": ["lives_in=Turin from 2025-02-01"],
    "In 2019 I moved to Porto": ["lives_in=Porto from 2019-01-01"],
    "Last year, I moved to Porto": ["lives_in=Porto from 2024-01-01"],
    "I moved from Oslo to Bergen two years ago": [
        "!lives_in=Oslo until 2023-01-01",
        "lives_in=Bergen from 2023-01-01",
    ],
    "I've lived in Lyon since May 2018": ["lives_in=Lyon from 2018-05-01"],
    "I have been living in Oslo for three years": ["lives_in=Oslo from 2022-03-12"],
    "I've lived in Lyon for a few years": ["lives_in=Lyon", "unclear lives_in"],
    "I've just moved to York": ["lives_in=York"],
    "I recently moved to Leeds": ["lives_in=Leeds", "unclear lives_in"],
    "I'm currently in Madrid": ["current_location=Madrid"],
    "I'm visiting Madrid this week": ["current_location=Madrid"],
    # people and animals
    "My wife is called Ingrid": ["wife=Ingrid"],
    "My husband's name is Paul": ["husband=Paul"],
    "My manager is Carol.": ["manager=Carol"],
    "Our boss is Mr. Okafor": ["manager=Mr. Okafor"],
    "my mum's name is Ruth": ["mother=Ruth"],
    "I have an older brother named Luke": ["brother>Luke"],
    "Jonas is my cousin": ["cousin>Jonas"],
    "My sister Jane lives in Rome": ["Jane:lives_in=Rome", "sister>Jane"],
    "My colleague Tom works at Acme.": ["Tom:works_at=Acme", "colleague>Tom"],
    "My kids are called Ann and Ben": ["child>Ann", "child>Ben"],
    "I have two kids and a dog named Rex": [
        "number_of_children=two",
        "Rex:species=dog",
        "has_pet>Rex",
    ],
    "My cat's name is Miso": ["Miso:species=cat", "has_pet>Miso"],
    "I'm married to Tom": ["spouse=Tom"],
    "Bob works at Acme.": ["Bob:works_at=Acme"],
    "Maria Silva is a dentist": ["Maria Silva:occupation=dentist"],
    "Ann lives in Oslo and works for Globex": ["Ann:lives_in=Oslo", "Ann:works_at=Globex"],
    "Ann's birthday is 5 May": ["Ann:birthday=5 May"],
    # tastes, skills, health
    "I love jazz!": ["likes>jazz"],
    "I really like Thai food": ["likes>Thai food"],
    "I love tea, chess and hiking in the mountains": [
        "likes>tea",
        "likes>chess",
        "likes>hiking in the mountains",
    ],
    "I like fish and chips.": ["likes>fish and chips"],
    "I'm a huge fan of pottery - it is so calming": ["likes>pottery"],
    "I'm into calligraphy": ["likes>calligraphy"],
    "I prefer tea to coffee": ["prefers>tea"],
    "I hate traffic": ["dislikes>traffic", "!likes>traffic"],
    "I can't stand loud music.": ["dislikes>loud music", "!likes>loud music"],
    "I don't like olives": ["dislikes>olives", "!likes>olives"],
    "I'm not a fan of horror films": ["dislikes>horror films", "!likes>horror films"],
    "My favourite colour is teal": ["favourite_colour=teal"],
    "My favorite film is The Third Man": ["favourite_film=The Third Man"],
    "My favorite color is teal": ["favourite_colour=teal"],
    "Teal is my favourite colour": ["favourite_colour=Teal"],
    "My hobbies are chess, sailing and knitting": [
        "hobby>chess",
        "hobby>sailing",
        "hobby>knitting",
    ],
    "I speak Dutch and a little Klingon": [],
    "I speak Dutch and a little Frisian": ["speaks>Dutch", "speaks>Frisian"],
    "I speak Dutch and some Spanish": ["speaks>Dutch", "speaks>Spanish"],
    "I'm fluent in Japanese": ["speaks>Japanese"],
    "I'm learning Korean": ["learning>Korean"],
    "I'm learning to play the cello": ["learning>cello"],
    "I'm vegetarian": ["diet=vegetarian"],
    "I've been vegan since 2015": ["diet=vegan from 2015-01-01"],
    "I don't eat meat": ["avoids>meat"],
    "I'm allergic to peanuts and tree nuts": ["allergic_to>peanuts", "allergic_to>tree nuts"],
    "I'm lactose intolerant": ["has_condition>lactose intolerant"],
    "I drive a Volvo V60": ["owns>Volvo V60"],
    # plans and projects
    "Our deadline is 5 May": ["deadline=5 May"],
    "My exam is next Friday": ["exam=next Friday (2025-03-14)"],
    "My birthday is tomorrow": ["birthday=tomorrow (2025-03-13)"],
    "My birthday is in May": ["birthday=May"],
    "Our wedding is next June": ["wedding=next June (2025-06)"],
    "The deadline is tomorrow.": ["deadline=tomorrow (2025-03-13)"],
    "I'm preparing for a marathon": ["preparing_for=marathon"],
    "The project is called Apollo": ["Apollo:name=Apollo"],
    "Our project is called \u201cBlue Heron\u201d.": ["works_on>Blue Heron"],
    # endings and denials
    "I no longer work at Acme": ["!works_at=Acme"],
    "I left Acme last week": ["!works_at=Acme until 2025-03-03"],
    "I used to live in Rome": ["!lives_in=Rome"],
    "I don't live in Rome anymore": ["!lives_in=Rome"],
    "I'm no longer vegan": ["!diet=vegan"],
    "I don't like coffee any more": ["!likes>coffee"],
    "I'm not allergic to nuts": ["!allergic_to>nuts"],
    "I'm no longer single": ["!relationship_status=single"],
    "My manager isn't Olga any more, it's Piotr": ["!manager=Olga", "manager=Piotr"],
    "My favourite colour used to be red, now it's teal": ["favourite_colour=teal"],
    "I used to like opera": ["!likes>opera"],
    # names in other words
    "The name's Rosa.": ["name=Rosa"],
    "Hey, Rosa here": ["name=Rosa"],
    "I'm Rosa, and I have a question.": ["name=Rosa"],
    "I am Rosa Blum and my order is late.": ["name=Rosa Blum"],
    "Hi, I'm Rosa, 31, from Bonn.": ["name=Rosa", "age=31", "origin=Bonn"],
    "My surname is Blum": ["surname=Blum"],
    "My family name is Blum": ["surname=Blum"],
    "My maiden name is Blum": ["maiden_name=Blum"],
    "Everybody calls me Rosie": ["preferred_name=Rosie"],
    "I prefer to be called Rosie": ["preferred_name=Rosie"],
    "my last name is blum": ["surname=blum"],
    "You can email me at rosa@example.org": ["email=rosa@example.org"],
    "I'm ambidextrous": ["handedness=ambidextrous"],
    "I'm a widow": ["relationship_status=widow"],
    "I'm a 52-year-old baker": ["age=52", "occupation=baker"],
    "I'm a mother of two and a translator": ["number_of_children=two", "occupation=translator"],
    # work in other words
    "I'm head of logistics at DHL": ["works_at=DHL", "occupation=head of logistics"],
    "I'm the CEO of Umbrella": ["works_at=Umbrella", "occupation=CEO"],
    "I'm the driver tonight": [],
    "I'm a geology student in Bern": ["occupation=geology student"],
    "I'm a student in chemistry": ["occupation=student"],
    "I'm a baker from Bonn living in Ulm": ["origin=Bonn", "lives_in=Ulm", "occupation=baker"],
    "I'm a freelance baker based in Ulm": ["lives_in=Ulm", "occupation=freelance baker"],
    "I work nights as a porter at Barts": ["works_at=Barts", "occupation=porter"],
    "I work as a dog whisperer at Umbrella": ["works_at=Umbrella", "occupation=dog whisperer"],
    "I work for a company called Umbrella": ["works_at=Umbrella"],
    "I work in marketing at Umbrella": ["works_at=Umbrella", "field_of_work=marketing"],
    "I work in the sales department at Umbrella": ["works_at=Umbrella", "field_of_work=sales"],
    "I've been at Umbrella since 2020": ["works_at=Umbrella from 2020-01-01"],
    "I used to work at Umbrella, now I'm at Globex": ["!works_at=Umbrella", "works_at=Globex"],
    "I was hired by Umbrella in 2021": ["works_at=Umbrella from 2021-01-01"],
    "I got laid off from Umbrella": ["!works_at=Umbrella"],
    "I stopped working for Umbrella": ["!works_at=Umbrella"],
    "I lead the design team at Umbrella": ["works_at=Umbrella"],
    "I'm on the night shift team at Umbrella": ["works_at=Umbrella"],
    "I do research for Umbrella": ["works_at=Umbrella"],
    "I founded Umbrella in 2012": ["founded>Umbrella from 2012-01-01"],
    "I run a small bakery called Crumbs": ["company>Crumbs"],
    "I became a judge in 2011": ["occupation=judge from 2011-01-01"],
    "I was promoted to head of sales": ["occupation=head of sales"],
    "My employer is Umbrella": ["works_at=Umbrella"],
    "My job title is Lead Engineer": ["occupation=Lead Engineer"],
    "As a nurse, I need good shoes": ["occupation=nurse"],
    "By profession I'm a potter": ["occupation=potter"],
    "I teach physics": ["teaches>physics"],
    "I teach physics at Barts": ["works_at=Barts", "teaches>physics"],
    "I make my living as a beekeeper": ["occupation=beekeeper"],
    "I'm a stay-at-home mum": ["occupation=stay-at-home mum"],
    # places in other words
    "I live in a village called Hallstatt": ["lives_in=Hallstatt"],
    "I live just outside Graz": ["lives_near=Graz"],
    "I live at 9 Mill Lane, York": ["address=9 Mill Lane, York"],
    "My address is 9 Mill Lane, York": ["address=9 Mill Lane, York"],
    "I live and work in Graz": ["lives_in=Graz", "works_in=Graz"],
    "I moved out of Graz": ["!lives_in=Graz"],
    "My hometown is Graz": ["origin=Graz"],
    "My flat is in Graz": ["lives_in=Graz"],
    "I live in Ithaca, New York": ["lives_in=Ithaca, New York"],
    "It is settled: I moved to Graz.": ["lives_in=Graz"],
    "i live in graz": ["lives_in=graz"],
    "i'm from south korea": ["origin=south korea"],
    # people and animals in other words
    "My sister Ida is getting married": ["sister>Ida"],
    "My sister, Ida, is a judge": ["Ida:occupation=judge", "sister>Ida"],
    "My kids, Ann and Ben, are at school": ["child>Ann", "child>Ben"],
    "My wife Ida and I live in Graz": ["wife=Ida", "lives_in=Graz"],
    "I went to Graz with my cousin Ida": ["cousin>Ida"],
    "My wife Ida died in 2019": [],
    "My dentist is Dr. Lee": ["dentist=Dr. Lee"],
    "My mother-in-law is called Ida": ["mother_in_law=Ida"],
    "I have three brothers": ["number_of_brothers=three"],
    "I have a daughter": ["number_of_daughters=one"],
    "I have four cats and a dog": ["number_of_cats=four", "number_of_dogs=one"],
    "I have a beagle called Max": ["Max:species=beagle", "has_pet>Max"],
    "My rabbits are called Pip and Mo": [
        "Pip:species=rabbit",
        "Mo:species=rabbit",
        "has_pet>Pip",
        "has_pet>Mo",
    ],
    "Ida is my flatmate": ["flatmate>Ida"],
    "Tom no longer works at Acme": ["Tom:!works_at=Acme"],
    "my boss is called tom": ["manager=tom"],
    "my boss is tom": ["manager=tom"],
    "My son's birthday is 3 June": ["sons_birthday=3 June"],
    # tastes and things in other words
    "My favourite coffee is a cortado.": ["favourite_coffee=cortado"],
    "I like both tea and milk": ["likes>tea", "likes>milk"],
    "I don't like tea, coffee or milk": [
        *("dislikes>tea", "dislikes>coffee", "dislikes>milk"),
        *("!likes>tea", "!likes>coffee", "!likes>milk"),
    ],
    "I've always loved trains": ["likes>trains"],
    "I'm obsessed with trains": ["likes>trains"],
    "I'm a huge chess fan": ["likes>chess"],
    "In my free time I enjoy chess": ["likes>chess"],
    "I play the cello and the piano": ["plays>cello", "plays>piano"],
    "I play bass in a band": ["plays>bass"],
    "I collect old maps": ["collects>old maps"],
    "I support Leeds United": ["supports>Leeds United"],
    "I never eat pork": ["avoids>pork"],
    "I can't eat nuts": ["avoids>nuts"],
    "I stopped eating meat": ["avoids>meat"],
    "I have a severe nut allergy": ["allergic_to>nut"],
    "I suffer from migraines": ["has_condition>migraines"],
    "I was diagnosed with epilepsy in 2018": ["has_condition>epilepsy from 2018-01-01"],
    "I follow a gluten-free diet": ["diet=gluten-free"],
    "I eat halal": ["diet=halal"],
    "I became vegan in 2020": ["diet=vegan from 2020-01-01"],
    "I keep kosher": ["diet=kosher"],
    "I can speak Welsh": ["speaks>Welsh"],
    "I can play chess": ["plays>chess"],
    "I've got an electric guitar": ["owns>electric guitar"],
    "I have a MacBook Pro": ["owns>MacBook Pro"],
    "I own a red Vespa": ["owns>red Vespa"],
    "My phone is a Pixel 8": ["owns>Pixel 8"],
    "I don't have a car": ["!owns>car"],
    "My band is called The Otters": ["band>The Otters"],
    "My interview is tomorrow at 10:30": ["interview=tomorrow at 10:30 (2025-03-13)"],
    "My driving test is on 5 May": ["driving_test=5 May"],
    # what stands before a question or a hedge
    "I live in Graz, can you recommend a bakery?": ["lives_in=Graz"],
    "I live in Graz - is there a good bakery?": ["lives_in=Graz"],
    "I'm vegan, what should I cook?": ["diet=vegan"],
    "I'm from Graz, and you?": ["origin=Graz"],
    "I work at Acme and would like a refund": ["works_at=Acme"],
    "I'm vegan, so you should skip the eggs": ["diet=vegan"],
    "My exam is this Friday": ["exam=this Friday (2025-03-14)"],
    "My wedding is next year": ["wedding=next year (2026)"],
    "I'm in Turin for now": ["current_location=Turin"],
    "I've lived in Turin since childhood": ["lives_in=Turin", "unclear lives_in"],
    "I teach at Barts": ["works_at=Barts"],
    "I like trips with friends and family": ["likes>trips with friends and family"],
    "My brother Max's car is new": ["brother>Max"],
    # prefaces
    "Please remember that I'm vegan": ["diet=vegan"],
    "Don't forget I'm vegan": ["diet=vegan"],
    "I found out that I'm allergic to kiwi": ["allergic_to>kiwi"],
    "Since I live in Graz, I ski a lot": ["lives_in=Graz"],
    "I meant to say my sister's name is Ida": ["sister>Ida"],
    # the remaining forms
    "We moved to Leeds for work": ["lives_in=Leeds"],
    "I used to be a teacher": ["!occupation=teacher"],
    "I used to work at Acme": ["!works_at=Acme"],
    "I work in London": ["works_in=London"],
    "I work as a dog walker": ["occupation=dog walker"],
    "I have just joined Hooli as a data analyst": ["works_at=Hooli", "occupation=data analyst"],
    "I'm studying law at Leiden": ["studies=law", "studies_at=Leiden"],
    "I have asthma": ["has_condition>asthma"],
    "I'm working on Apollo": ["works_on>Apollo"],
    "I go by Sam": ["preferred_name=Sam"],
    "My nickname is Bex": ["preferred_name=Bex"],
    "My profession is teacher": ["occupation=teacher"],
    "Our company is called Umbrella": ["company>Umbrella"],
    "Our team is called Falcons": ["team>Falcons"],
    "I live in Turin until June": ["current_location=Turin until 2025-07-01"],
    "I'm in Turin until Friday": ["current_location=Turin until 2025-03-15"],
    "I live in Turin for the summer": ["current_location=Turin"],
    "I moved to Turin around May 2020": ["lives_in=Turin", "unclear lives_in"],
    "I moved to Turin last spring": ["lives_in=Turin", "unclear lives_in"],
    "Since 2019 I live in Turin": ["lives_in=Turin from 2019-01-01"],
    "For now I live in Turin": [],
    "I was raised in Cork": ["grew_up_in=Cork"],
    "I'm not Swedish": ["!nationality=Swedish"],
    # several in a row
    "Actually, I live in Lyon now.": ["lives_in=Lyon"],
    "I live in Munich, not Berlin": ["lives_in=Munich"],
    "By the way, as I said, nothing new. I'm a baker!": ["occupation=baker"],
    "I live in Ghent because I work at Acme": ["lives_in=Ghent", "works_at=Acme"],
    "I'm a nurse, but I'd love to paint.": ["occupation=nurse"],
}

SILENT = """
Do I live in Rome?
Did you know that I live in Rome
Where I live is none of your business
Is my name Bob?
So do you think I'm a nurse
If I lived in Rome, I'd be happy.
If you must know where, I live in Rome
I'd love to live in Rome
I would like a coffee
I wish I lived in Rome
Maybe I live in the wrong century
I think I'm allergic to cats
I guess I like jazz
I might be vegetarian
I may move to Rome
I could be a teacher
Perhaps my manager is Carol
Apparently I'm allergic to dust
He said 'I live in Rome'.
She told me "My name is Eve."
My brother says I hate mornings
According to Ann, I work at Acme
I heard Bob works at Acme
He wrote: I live in Rome
`I live in Rome`
> I live in Rome
User: I live in Rome
[S1] I live in Rome
I live in Rome \U0001f602
I live on Mars, lol
Yeah right, I'm a doctor
I'm the king of Spain, haha
Imagine I work at Acme.
Let's say I live in Rome.
Pretend my name is Bob
Translate into French: I live in Berlin.
How do you say I live in Berlin in Italian
Rewrite this: my name is Bob
Write a story about a nurse. I'm a nurse.
In my dream I live in Rome
I live in fear
I live in a small flat
I live in the past
I work at night
I work from home
I work for myself
I work hard
I'm a big fan
I'm an idiot
I'm a morning person
I'm a former nurse
I'm a terrible cook
I'm Batman
I'm tired
I'm in a meeting
I'm in Madrid
I'm 20 minutes late
I'm 100% sure
I'm 6 feet tall
I'm 3
I like you
I love it
I like it here
I love your idea
I love how you did that
I love the way this turned out
I like that one
I hate it when it rains
I love my wife
I'd like tea
I joined a gym
I joined the gym
I quit smoking
I moved to the sofa
I moved to tears
I was born ready
I was born in the wrong decade
I speak the truth
I speak from experience
I study hard
I drive a hard bargain
I own a bakery
I have a meeting at five
My name is not important
My name is on the list
My wife is French
My sister is pregnant
My boss is awful
My manager is out on Monday
My dog is hungry
My favourite thing is sleeping
This is my favourite song
My email is broken
My phone number is secret
Our deadline is soon
The project is late
The weather is nice in Rome
Everyone lives in Rome
Paris is in France
Rome is a beautiful city
He lives in Rome
They work at Acme
Monday works for me
You live in Rome
Please answer in French
Could you call Bob
Always wanted to see Rome
Never give up!
Never mind
Tell me about Rome
Thanks, that works
Live in Rome
I lived in Rome
I have lived in Rome
I worked at Acme
I left Twitter
I joined Reddit in 2011
I like tea or coffee
I live in Building C
I'm allergic to Mondays
My favourite cafe is closed
My favourite author is dead
My favourite team is losing
My son is Sick
I work in a team
I work in Python
I was 30 years old in 2019
I'm turning 30
Don't call me Bob
I live in Rome half the year
My name isn't Bob
I moved to a town from Leeds
I work as a pilot in hell
I study history at a place
My kids are called tall and small
The team is called Falcons
The tool is called hammer time
My native language is music
My phone number is 12 34 5
My profession is secret
My nickname is silly
I eat meat
I live in Jira
I moved to Kubernetes
I work in silence
I work as a team
I live in Graz, don't I?
I live in Graz, who told you that?
I'm vegan, or so they say
I might be vegan and I could be wrong
I'm vegan, I think
I live in Graz, or at least I used to
Say my name is Ann and I live in Graz
Rate this opener: I'm Ann and I love cats
Is this right? I am living in Graz since 2010.
Data lives in Postgres
I'm 200 years old
I turned 180
I work at Acme as a joke
I joined Acme as a favour
I work in marketing at night
I'm the driver
I'm a teacher from hell
I'm a baker based in pain
I work as a dog whisperer in hell
I work as a dog whisperer at heart
I teach them a lesson
I teach at night
My favourite moment is sunrise
My name is Ann und Lee
I work at 42
I work at University
I'm a very very very very very good nurse
I meant :-)
Kafka is a message broker
Coffee is my best friend
My therapist is called Netflix
My ex-husband Carl is a bore
My business, Jon, is doing well
My dad is Republican
I have a Master's Degree
I have a hot dog
I have a company car
I drive a taxi
I'm Legend and I love my job
I'm Catholic, from Cork
I'm Spartacus
I'm a lawyer's assistant
I'm the captain of the team
I'm a student of life
I'm an engineer at heart
I love a safe, quiet place
I love music like this
I prefer it to be quiet
I never eat alone
I don't eat much
I play along
I collect dust
I support your idea
I suffer from your jokes
I run a tight ship
I founded my own club
I've been at my desk since Monday
I've been at Sarah's since Monday
I'm at Globex now
As a nurse, I worked nights
As a kid, I loved trains
my wife is pregnant
my boss is mean
my dog is barking
my name is hidden
i live in chaos
i moved to tears
i work at speed
i work for love
i joined late
i go by bus
i graduated from high school
i'm called crazy
my phone is a brick
my employer is evil
I graduated from high school
I'm married to my job
I'm fluent in sarcasm
I'm learning Klingon
I'm preparing for it
I'm working on it
I was born in fear
I work for free at night
Tom worked as a chef
Ich wohne in Berlin
Vivo en Madrid
Je m'appelle Luc
\U0001f600\U0001f600
...
""".strip().splitlines()


@pytest.mark.parametrize(("text", "expected"), STATED.items(), ids=list(STATED))
def test_a_plain_statement_is_read(text: str, expected: list[str]) -> None:
    assert lines(read(text)) == expected


@pytest.mark.parametrize("text", SILENT)
def test_nothing_is_read_from_what_is_not_plainly_stated(text: str) -> None:
    assert lines(read(text)) == []
    assert read(text).entities == ()


@pytest.mark.parametrize(
    "text",
    [
        "```\nI live in Rome.\n```",
        "<memory>\nI live in Rome.\n</memory>",
        "What you know about me:\n- I live in Rome\n- I work at Acme",
        "I live in Rome. Just kidding!",
        "I live in Rome and work as a nurse. Translate this into Dutch, please.",
        "I live on the moon. Haha!",
        "He said: \u201cI live in Rome. My name is Bob.\u201d",
        "My sister wrote: I live in Rome. I work at Acme.",
        "Here is what she wrote:\n\nI live in Rome.",
        "[10:31] Tom: I live in Rome.\nAnd I work at Acme.",
        "Tom (10:31): I live in Rome",
        "tom - i live in rome",
        "<tom> i live in rome",
        "Choose A or B. A: I'm single. B: I'm married.",
        "What do you make of this?\n\nDear Sir,\nmy name is Max and I live in Rome.",
        "Is this spam?\n\nMy name is Max and I live in Rome.",
        "Thanks!\nOn Mon, 3 March 2025, Eva wrote:\nI live in Rome.",
        "Pick one:\n- I'm single\n- I'm married",
        "\u266a I live in Rome \u266a",
        "// I live in Rome",
        "bio: I'm a nurse\ncity: Rome",
        "I'm a nurse ;)",
        "I'm a nurse. Not really.",
        "I live in Rome... in my dreams.",
        "Reply as a guest. My name is Max.",
        "You play the landlord. My name is Max.",
        "I live in Rome " + "and so on " * 60,
    ],
)
def test_nothing_is_read_from_material_that_is_not_the_speakers_own_assertion(text: str) -> None:
    assert lines(read(text)) == []


@pytest.mark.parametrize("role", ["assistant", "system", "tool"])
def test_only_the_users_own_turns_are_read(role: str) -> None:
    assert read("My name is Alice and I live in Rome.", role=role) == Statements()


def test_a_block_of_code_does_not_silence_the_words_around_it() -> None:
    assert lines(read("I work at Acme.\n```\nprint('I live in Rome')\n```\nI like tea.")) == [
        "works_at=Acme",
        "likes>tea",
    ]


def test_a_paragraph_gives_every_statement_in_order() -> None:
    text = (
        "Hey there! I'm Noor, a baker from Ghent. I live in Leeds with my wife, and I work at Crumb & Co. "
        "My wife's name is Ida. Do you know Leeds? I love rye bread, and I can't stand margarine."
    )
    assert lines(read(text)) == [
        "name=Noor",
        "origin=Ghent",
        "occupation=baker",
        "lives_in=Leeds",
        "works_at=Crumb & Co",
        "wife=Ida",
        "likes>rye bread",
        "dislikes>margarine",
        "!likes>margarine",
    ]


def test_the_named_speaker_is_the_subject() -> None:
    found = read("I live in Rome", speaker="Ada Lovelace").attributes
    assert [item.entity for item in found] == [EntityRef("person", "Ada Lovelace")]


def test_a_speaker_without_letters_is_the_user() -> None:
    assert read("I live in Rome", speaker="!!!").attributes[0].entity == EntityRef("person", "user")


def test_every_entity_of_a_statement_is_mentioned_once_with_its_type() -> None:
    found = read("I work at Acme and I live in Rome. My sister Jane lives in Rome.").entities
    assert [(item.type, item.name) for item in found] == [
        ("person", "user"),
        ("organisation", "Acme"),
        ("location", "Rome"),
        ("person", "Jane"),
    ]


def test_categories_follow_how_lasting_a_fact_is() -> None:
    found = read("My name is Ada. I live in Rome. I'm preparing for an exam.").attributes
    assert [(item.key, item.memory_category) for item in found] == [
        ("name", "identity"),
        ("lives_in", "knowledge"),
        ("preparing_for", "context"),
    ]


def test_what_is_implied_is_less_certain_than_what_is_said() -> None:
    said, implied = read("I live in Rome.").attributes[0], read("We live in Rome.").attributes[0]
    assert said.confidence == 0.9
    assert 0.7 <= implied.confidence < said.confidence


def test_a_thing_keeps_the_type_by_which_the_store_knows_it() -> None:
    known = KnownNames(entities=[EntityRef("location", "Paris"), EntityRef("other", "!!!")])
    assert read("I love Paris", known=known).relations[0].object == EntityRef("location", "Paris")
    assert read("I love Paris").relations[0].object == EntityRef("topic", "Paris")


def test_statements_name_the_turn_they_come_from() -> None:
    turns = [
        Utterance("user", "I live in Rome."),
        Utterance("assistant", "I live in the cloud."),
        Utterance("user", "I work at Acme."),
    ]
    found = PlainStatements().extract(turns, KnownNames()).attributes
    assert [(item.key, item.utterance) for item in found] == [("lives_in", 0), ("works_at", 2)]


# --- dates ----------------------------------------------------------------------------------------


def test_dates_are_days_in_the_speakers_time_zone() -> None:
    start = read("I moved to Turin yesterday").attributes[0].valid_from
    assert start == datetime(2025, 3, 11, tzinfo=SAID_AT.tzinfo)
    assert start is not None
    assert start.utcoffset() == timedelta(hours=1)


def test_a_relative_date_without_a_time_of_speaking_is_an_uncertainty() -> None:
    found = read("I moved to Turin last month", said_at=None)
    assert found.attributes[0].valid_from is None
    assert [item.about for item in found.uncertainties] == ["lives_in"]


def test_an_appointment_on_a_day_that_cannot_be_known_is_an_uncertainty() -> None:
    assert lines(read("My exam is next Friday", said_at=None)) == ["unclear exam"]


def test_an_opening_date_that_cannot_be_known_is_an_uncertainty() -> None:
    found = read("In March I moved to Turin", said_at=None)
    assert lines(found) == ["lives_in=Turin", "unclear lives_in"]


def test_a_full_date_needs_no_time_of_speaking() -> None:
    found = read("I've lived in Lyon since 2018", said_at=None)
    assert found.attributes[0].valid_from == datetime(2018, 1, 1, tzinfo=timezone.utc)
    assert found.uncertainties == ()


# --- corrections ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I live in Berlin. Sorry, I meant Bern.", ["lives_in=Berlin", "lives_in=Bern"]),
        ("I live in Berlin. No, not Berlin but Bern.", ["lives_in=Berlin", "lives_in=Bern"]),
        ("I live in Berlin. Bern, not Berlin.", ["lives_in=Berlin", "lives_in=Bern"]),
        ("i live in berlin. not berlin, bern", ["lives_in=berlin"]),
        ("I live in Berlin. Oh wait, Bern.", ["lives_in=Berlin", "lives_in=Bern"]),
        ("I live in Berlin. Sorry, Tom.", ["lives_in=Berlin"]),
        (
            "My exam is on Monday. I meant Friday.",
            [
                "exam=Monday (2025-03-17)",
                "exam=Friday (2025-03-14)",
            ],
        ),
        (
            "My exam is on Monday. Not Monday, Friday.",
            [
                "exam=Monday (2025-03-17)",
                "exam=Friday (2025-03-14)",
            ],
        ),
        ("I'm 30. Actually, I meant 31", ["age=30", "age=31"]),
        ("I'm 30. I meant Bern.", ["age=30"]),
        ("Not Berlin but Bern.", []),
    ],
)
def test_a_correction_replaces_the_value_that_it_names(text: str, expected: list[str]) -> None:
    assert lines(read(text)) == expected


def test_a_correction_reaches_what_the_store_knows() -> None:
    berlin = KnownAttribute(EntityRef("person", "user"), "lives_in", "Berlin")
    known = KnownNames(attributes=[berlin])
    assert lines(read("No, not Berlin but Munich.", known=known)) == ["lives_in=Munich"]


def test_a_key_keeps_the_spelling_that_the_store_has() -> None:
    known = KnownNames(keys=["favorite_color"])
    assert lines(read("My favourite colour is teal", known=known)) == ["favorite_color=teal"]


def test_an_order_may_hold_code_but_no_quotation() -> None:
    (order,) = read("Always use `ruff format` for Python.").instructions
    assert order.description == "Always use `ruff format` for Python"
    assert read('Always use "the long, the very long and winding road".').instructions == ()


def test_going_back_to_the_first_value_is_said_again() -> None:
    text = "I live in Rome. I live in Rome. No, I live in Oslo. Actually, I live in Rome."
    assert lines(read(text)) == ["lives_in=Rome", "lives_in=Oslo", "lives_in=Rome"]


def test_i_meant_corrects_the_same_speaker() -> None:
    turns = [
        Utterance("user", "I live in Oslo.", speaker="Ann"),
        Utterance("user", "I live in Rome.", speaker="Ben"),
        Utterance("user", "Sorry, I meant Bergen.", speaker="Ann"),
    ]
    found = PlainStatements().extract(turns, KnownNames()).attributes
    assert [(item.entity.name, item.value) for item in found] == [
        ("Ann", "Oslo"),
        ("Ben", "Rome"),
        ("Ann", "Bergen"),
    ]


def test_an_ambiguous_correction_changes_nothing() -> None:
    user = EntityRef("person", "user")
    known = KnownNames(
        attributes=[KnownAttribute(user, key, "Berlin") for key in ("lives_in", "works_in")]
    )
    assert lines(read("Not Berlin but Munich", known=known)) == []


# --- standing orders ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Always answer in French.", "reply_language"),
        ("From now on, please reply to me in German", "reply_language"),
        ("From now on, use metric units", "use_metric_units"),
        ("Never use emoji.", "use_emoji"),
        ("Please don't ever mention my age", "mention_age"),
        ("Whenever I ask for code, use Python", "ask_for_code_use_python"),
        ("Keep your answers short from now on", "keep_answers_short"),
    ],
)
def test_a_standing_order_is_an_instruction(text: str, label: str) -> None:
    (order,) = read(text).instructions
    assert (order.label, order.revoked) == (label, False)
    assert order.description == text.rstrip(".")


def test_call_me_is_an_instruction_and_a_preferred_name() -> None:
    assert lines(read("Please call me Al")) == ["preferred_name=Al", "order form_of_address"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("You can stop using metric units now.", "use_metric_units"),
        ("Stop answering in French", "reply_language"),
        ("Forget that rule", "use_metric_units"),
        ("You no longer have to use metric units", "use_metric_units"),
    ],
)
def test_a_live_instruction_can_be_withdrawn(text: str, label: str) -> None:
    known = KnownNames(instructions=["reply_language", "use_metric_units"])
    (order,) = read(text, known=known).instructions
    assert (order.label, order.revoked) == (label, True)


@pytest.mark.parametrize("text", ["You can stop worrying.", "Forget that rule", "Stop using emoji"])
def test_withdrawing_what_was_never_ordered_does_nothing(text: str) -> None:
    assert read(text).instructions == ()


def test_an_order_given_and_withdrawn_in_one_conversation() -> None:
    turns = [Utterance("user", "Always use metric units."), Utterance("user", "Forget that rule.")]
    orders = PlainStatements().extract(turns, KnownNames()).instructions
    assert [(order.label, order.revoked, order.utterance) for order in orders] == [
        ("use_metric_units", False, 0),
        ("use_metric_units", True, 1),
    ]
