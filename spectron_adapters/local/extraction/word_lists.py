"""Words that the deterministic extractor knows: kin, animals, languages, occupations, names.

Data only, in lower case; the checks that use it are in `vocabulary`. Imports nothing.
"""

from __future__ import annotations

__all__ = [
    "BREEDS",
    "CAPITAL",
    "CONDITIONS",
    "COUNTRIES",
    "DEMONYMS",
    "DIETS",
    "GIVEN_NAMES",
    "HEADS",
    "KIN",
    "LANGUAGES",
    "NOT_PEOPLE",
    "NOT_TOWNS",
    "OWNABLE",
    "PETS",
    "PLAYED",
    "PLURAL_KIN",
    "SINGLE_KIN",
    "words",
]


def words(text: str) -> frozenset[str]:
    """The words of a text; an underscore joins what belongs together."""
    return frozenset(word.replace("_", " ") for word in text.split())


CAPITAL = "[A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u017f\u0391-\u03a9\u0410-\u042f]"
"""A letter that may be a capital, as a regular expression; `as_name` looks closer."""

# --- people and animals ---------------------------------------------------------------------------

SINGLE_KIN = {
    "wife": "wife",
    "husband": "husband",
    "spouse": "spouse",
    "partner": "partner",
    "girlfriend": "girlfriend",
    "boyfriend": "boyfriend",
    "fiancé": "fiance",
    "fiance": "fiance",
    "fiancée": "fiancee",
    "fiancee": "fiancee",
    "mother": "mother",
    "mom": "mother",
    "mum": "mother",
    "father": "father",
    "dad": "father",
    "mother-in-law": "mother_in_law",
    "father-in-law": "father_in_law",
    "stepmother": "stepmother",
    "stepmom": "stepmother",
    "stepmum": "stepmother",
    "stepfather": "stepfather",
    "stepdad": "stepfather",
    "manager": "manager",
    "boss": "manager",
    "line manager": "manager",
    "supervisor": "supervisor",
    "landlord": "landlord",
    "landlady": "landlady",
    "best friend": "best_friend",
    "dentist": "dentist",
    "doctor": "doctor",
    "gp": "doctor",
    "therapist": "therapist",
    "lawyer": "lawyer",
    "solicitor": "lawyer",
    "accountant": "accountant",
    "vet": "vet",
    "hairdresser": "hairdresser",
    "personal trainer": "personal_trainer",
}
"""People of whom one has one at a time, with the attribute key: a new name supersedes."""

_SEVERAL_KIN = words(
    "sister brother son daughter child cousin uncle aunt auntie niece nephew grandmother "
    "grandfather grandma grandpa granny nan grandad granddad grandson granddaughter grandchild "
    "parent sibling friend colleague coworker co-worker roommate housemate flatmate neighbour "
    "neighbor teammate twin mentor stepson stepdaughter stepsister stepbrother half-sister "
    "half-brother sister-in-law brother-in-law son-in-law daughter-in-law godmother godfather "
    "godson goddaughter classmate"
)
_SAME_KIN = {
    "co-worker": "colleague",
    "coworker": "colleague",
    "neighbor": "neighbour",
    "auntie": "aunt",
    "grandma": "grandmother",
    "granny": "grandmother",
    "nan": "grandmother",
    "grandpa": "grandfather",
    "grandad": "grandfather",
    "granddad": "grandfather",
}
_WHICH_OF_SEVERAL = words(
    "older younger little big elder eldest oldest youngest twin baby middle first-born newborn "
    "good close old dear new"
)
KIN = {word: _SAME_KIN.get(word, word.replace("-", "_")) for word in _SEVERAL_KIN} | {
    "baby boy": "son",
    "baby girl": "daughter",
    "kid": "child",
    "boy": "son",
}
KIN |= {f"{which} {word}": label for which in _WHICH_OF_SEVERAL for word, label in KIN.items()}
"""People of whom one may have several, with the relation label."""

PETS = words(
    "dog cat puppy kitten hamster rabbit bunny parrot horse pony goldfish fish turtle tortoise "
    "guinea_pig guinea-pig snake lizard bird budgie ferret pup doggo gecko canary cockatiel gerbil "
    "chinchilla donkey goat llama alpaca hedgehog iguana hen duck rat mouse"
)
BREEDS = words(
    "retriever labrador poodle terrier spaniel collie beagle bulldog dachshund husky corgi pug "
    "chihuahua sheepdog greyhound whippet schnauzer rottweiler doberman labradoodle cockapoo "
    "dalmatian ragdoll tabby"
)
PLURAL_KIN = {
    "kids": "child",
    "children": "child",
    "grandchildren": "grandchild",
    "puppies": "puppy",
    "ponies": "pony",
    "mice": "mouse",
} | {
    f"{word}s": word
    for word in (
        *(word for word in _SEVERAL_KIN if word != "child"),
        *(word for word in PETS | BREEDS if not word.endswith(("y", "fish", "mouse", "husky"))),
    )
}
"""People and animals of whom one has several, with the word for one of them."""

GIVEN_NAMES = words(
    "aaliyah aaron abby abdul abdullah abigail abraham ada adam adela adele adrian adriana agnes "
    "agnieszka ahmad ahmed aidan aisha akira alan alba albert alejandra alejandro aleksandra "
    "alessandro alex alexander alexandra alexei alfie alfonso alfred ali alice alicia alina alison "
    "allison amanda amara amelia ameena amin amina amir amira amit amy ana anastasia anders andre "
    "andrea andreas andrei andrew andrzej andy angela angelika angus anil anita anja ann anna anne "
    "annette annie anthony antoine anton antonia antonio anya aoife archie ariana arjun arne "
    "arthur arturo asha ashley astrid audrey aurora ava axel ayesha ayse barbara barry bart "
    "beatrice beatriz belinda ben benedict benjamin bernard beth betty bianca birgit bjorn björn "
    "bob boris brandon brenda brian bridget bruno bryan caleb cameron camila camille carl carla "
    "carlos carmen carol carolina caroline carolyn catarina catherine cathy cecilia cedric celine "
    "charles charlie charlotte cheng chiara chiamaka chinedu chloe chris christian christina "
    "christine christopher claire clara clare claudia clive colin connor conor craig cristina "
    "cynthia dana daniel daniela danielle danny daria dario dave david deborah debra deepa deepak "
    "denis denise dennis derek diana diane diego dieter dimitri dmitri dolores dominic donald "
    "donna dorothy doug douglas duncan dylan eddie edgar edith eduardo edward edwin efua eileen "
    "elaine eleanor elena eli elias elif elijah elisa elisabeth elise eliza elizabeth ella ellen "
    "ellie eloise elsa emeka emil emilia emilio emily emma emmanuel enrique eric erica erik erika "
    "erin esther ethan eugene eva evan eve evelyn fabian farah fatima fatma felicity felipe felix "
    "fernanda fernando fiona fran frances francesca francesco francis francisco françois frank "
    "franz fred freddie frederick freya frida friedrich gabriel gabriela gareth gary gavin gemma "
    "geoff geoffrey george gerald gerard gianni gillian gina giovanni giulia giuseppe gloria goran "
    "gordon grace graham greg gregory greta guillermo gunther gustav habib hamza hana hanna hannah "
    "hans harold harriet harry haruto harvey hasan hassan heather hector heidi helen helena helga "
    "henri henrik henry herbert hiro hiroshi holly howard hugh hugo ian ibrahim ida ignacio igor "
    "imran inés ines ingrid irena irene irina isaac isabel isabella isabelle ismael ivan ivana "
    "jack jackie jackson jacob jacqueline jaime jakob jakub james jamie jan jana jane janet janice "
    "jasmine jason javier jay jean jeff jeffrey jenna jennifer jenny jeremy jerome jerry jesse "
    "jessica jill jim jimmy jo joan joana joanna joanne joao joão joe joel johan johann johanna "
    "johannes john johnny jon jonas jonathan jorge jose josé josef joseph josephine josh joshua "
    "josie juan juanita judith judy julia julian juliana julie juliet julio jun jurgen jürgen "
    "justin kai kamala karen karim karin karina karl kasia kate katarina katarzyna katherine "
    "kathleen kathryn kathy katie katja katrin katrina kay keith kelly ken kenji kenneth kerry "
    "kevin khadija khalid kim kirsten klaus kofi kristen kristin kristina kumar kurt kwame kyle "
    "lara larry lars laszlo laura lauren laurence leah lee leila lena leo leon leonardo leonie "
    "leslie leticia lewis liam lilian lillian linda lindsay lisa liz lizzie lola lorenzo lorna "
    "lotte lou louis louisa louise luc luca lucas lucia luciana lucy luis luisa lukas luke lydia "
    "lynn mads magdalena maggie magnus mahmoud maja malik mandy manuel manuela mara marc marcel "
    "marcela marco marcos marcus margaret margarita maria mariam marian mariana marie marina mario "
    "marion marisa marius marjorie marta martha martin martina marwa mary mateo mateusz mathias "
    "mathilde matilda matt matteo matthew matthias maureen maurice max maxim maya mei megan mehmet "
    "mel melanie melissa mia michael michaela michal michel michelle miguel mikael mike mikhail "
    "mila milan milena millie mina mira miranda miriam mohamed mohammad mohammed moira molly mona "
    "monica monika morgan moritz muhammad murat mustafa nadia nadine nancy naomi natalia natalie "
    "natasha nathan neha neil nia niall nicholas nick nicola nicolas nicole niels nigel nikhil "
    "nikita nikola nils nina noah noel noemi nora noura oleg olga oliver olivia olivier omar oscar "
    "oskar otto owen pablo pamela paola paolo patricia patrick paul paula pauline pavel pedro "
    "peggy penelope penny pete peter petra phil philip philippa philippe phillip phoebe pia pierre "
    "pieter pilar piotr priya quentin rachel rafael rahul raj rajesh ralph ramon rania raul raúl "
    "ravi ray raymond rebecca regina renata rene renee ricardo riccardo richard rick rita rob "
    "robert roberta roberto robin rodrigo roger rohan roland roman ron ronald rosa rosalind "
    "rosemary ross roxana roy rui rupert russell ruth ryan sabine sabrina sadia said salma salman "
    "sally sam samantha samir samira samuel sandra sandy sanjay sara sarah sasha scott sean "
    "sebastian selim selma serena sergei sergio shane shannon sharon shaun sheila shirley silvia "
    "simon simone sofia solveig sonia sonja sophia sophie stacy stan stefan stefania stella "
    "stephan stephanie stephen steve steven stuart sue suleiman sunil susan susana susanne suzanne "
    "svetlana sven sylvia tamara tania tanya tara tariq tatiana ted teresa tess tessa theo "
    "theodore theresa thomas tiago tim timothy tina tobias todd tom tomas tomás tomasz tommy tony "
    "tracy trevor tricia uma ursula valentina valeria valerie vanessa vera veronica vicky victor "
    "vijay viktor vincent vivian vladimir walter wanda wayne wei wendy werner wesley wilhelm will "
    "william xavier yan yara yasmin yolanda yuki yuri yusuf yvonne zach zachary zahra zainab zara "
    "zeynep zhang zoe zoë zuzana"
)
"""First names that are hardly ever anything else: evidence that a capitalised word is a person."""

NOT_PEOPLE = words(
    "google amazon netflix alexa siri cortana chatgpt gpt youtube wikipedia reddit facebook "
    "twitter instagram tiktok spotify excel word outlook windows linux docker python java ruby "
    "rust slack zoom github copilot duolingo insomnia karma batman superman spiderman santa "
    "godzilla trouble coffee wine chocolate yoda gandalf jesus god satan napoleon"
)
"""What jokes and figures of speech name where a person is expected."""

# --- peoples, languages, countries ----------------------------------------------------------------

_ONLY_LANGUAGES = words(
    "farsi hindi punjabi tamil mandarin cantonese swahili hebrew latin esperanto asl bsl zulu "
    "yoruba gaelic urdu bengali tagalog telugu marathi gujarati kannada malayalam tigrinya quechua "
    "guarani aymara nahuatl pashto dari oromo twi akan wolof lingala shona sesotho setswana "
    "luganda kinyarwanda creole patois romansh yiddish sanskrit hokkien hakka shanghainese "
    "javanese sundanese cebuano ilocano sindhi assamese odia konkani sinhala māori te_reo hawaiian "
    "navajo cherokee inuktitut auslan breton occitan frisian luxembourgish flemish scots faroese "
    "sami sorani kurmanji aramaic braille sign_language british_sign_language "
    "american_sign_language brazilian_portuguese swiss_german"
)
LANGUAGES = _ONLY_LANGUAGES | words(
    "english french german spanish italian portuguese dutch swedish norwegian danish finnish "
    "icelandic polish czech slovak hungarian romanian bulgarian greek turkish russian ukrainian "
    "belarusian serbian croatian slovenian slovene lithuanian latvian estonian arabic persian "
    "kurdish azerbaijani kazakh uzbek mongolian tibetan chinese japanese korean vietnamese thai "
    "khmer lao burmese malay indonesian filipino nepali amharic somali igbo hausa xhosa afrikaans "
    "irish welsh catalan basque galician maltese albanian macedonian georgian armenian montenegrin "
    "bosnian"
)
DEMONYMS = (
    (LANGUAGES - _ONLY_LANGUAGES)
    | words("māori flemish hawaiian navajo cherokee")
    | words(
        "american canadian british scottish australian austrian swiss belgian brazilian mexican "
        "argentinian argentine chilean colombian peruvian venezuelan cuban jamaican egyptian "
        "moroccan algerian tunisian nigerian ghanaian kenyan ethiopian indian pakistani "
        "bangladeshi israeli iranian iraqi syrian lebanese jordanian palestinian taiwanese "
        "singaporean malaysian kiwi afghan uruguayan paraguayan bolivian ecuadorian salvadoran "
        "guatemalan honduran panamanian dominican haitian ugandan tanzanian rwandan zambian "
        "zimbabwean senegalese cameroonian congolese sudanese eritrean libyan saudi yemeni emirati "
        "kuwaiti cypriot cambodian cornish manx cantabrian bavarian sicilian"
    )
)
COUNTRIES = (
    "afghanistan|albania|algeria|argentina|armenia|australia|austria|azerbaijan|bangladesh|belgium"
    "|bolivia|bosnia|brazil|bulgaria|cambodia|cameroon|canada|chile|china|colombia|costa rica"
    "|croatia|cuba|cyprus|czechia|the czech republic|denmark|ecuador|egypt|england|eritrea|estonia"
    "|ethiopia|finland|france|georgia|germany|ghana|greece|guatemala|haiti|honduras|hungary|iceland"
    "|india|indonesia|iran|iraq|ireland|israel|italy|ivory coast|jamaica|japan|jordan|kazakhstan"
    "|kenya|korea|south korea|kosovo|kuwait|laos|latvia|lebanon|libya|lithuania|luxembourg|malaysia"
    "|malta|mexico|moldova|mongolia|montenegro|morocco|mozambique|myanmar|namibia|nepal"
    "|the netherlands|netherlands|new zealand|nicaragua|nigeria|north macedonia|northern ireland"
    "|norway|oman|pakistan|panama|paraguay|peru|the philippines|philippines|poland|portugal|qatar"
    "|romania|russia|rwanda|saudi arabia|scotland|senegal|serbia|singapore|slovakia|slovenia"
    "|somalia|south africa|spain|sri lanka|sudan|sweden|switzerland|syria|taiwan|tanzania|thailand"
    "|tunisia|turkey|uganda|ukraine|the uk|uk|the us|usa|us|uruguay|venezuela|vietnam|wales|yemen"
    "|zambia|zimbabwe"
)
"""Alternatives of a regular expression."""

NOT_TOWNS = words(
    "amazon google microsoft apple meta facebook netflix ibm oracle sap intel nvidia samsung sony "
    "uber airbnb stripe shopify salesforce adobe cisco accenture deloitte tesla ikea lidl aldi "
    "tesco chrome firefox safari edge slack jira confluence trello asana notion obsidian excel "
    "word outlook gmail teams zoom discord telegram whatsapp signal twitter mastodon bluesky "
    "threads instagram tiktok linkedin reddit youtube twitch spotify vim neovim emacs vscode "
    "intellij pycharm xcode figma sketch photoshop illustrator linux ubuntu debian fedora arch "
    "windows mac macos android ios iphone kubernetes docker terraform ansible jenkins aws azure "
    "gcp heroku vercel netlify cloudflare github gitlab bitbucket git python java javascript "
    "typescript rust go golang kotlin swift ruby rails django flask fastapi react vue angular "
    "svelte nextjs node deno bun php laravel perl scala clojure haskell elixir postgres postgresql "
    "mysql sqlite mongodb redis kafka rabbitmq elasticsearch snowflake databricks spark hadoop "
    "airflow wordpress drupal minecraft fortnite roblox steam playstation xbox nintendo docs "
    "sheets drive cloud corp inc ltd llc gmbh plc company university college department support "
    "division headquarters"
)
"""What people say that they live in, come from or moved to without meaning a place."""

# --- work -----------------------------------------------------------------------------------------

HEADS = words(
    "accountant actor actress actuary administrator adviser advisor agent agronomist aide "
    "allergist ambassador anaesthetist analyst animator announcer apprentice arborist "
    "archaeologist architect archivist artist assistant associate astronaut astronomer "
    "astrophysicist athlete attorney auctioneer auditor author babysitter baker ballerina banker "
    "barber barista barrister bartender beautician biochemist biologist blacksmith blogger "
    "boatbuilder bookbinder bookkeeper bookseller botanist bricklayer broker builder butcher "
    "butler buyer cabinetmaker cameraman captain cardiologist caregiver carer caretaker carpenter "
    "cashier cellist ceo ceramicist cfo chairman chairwoman chaplain chauffeur chef chemist "
    "childminder chiropractor choreographer cio ciso cleaner clerk co-founder coach cobbler coder "
    "columnist comedian commentator composer concierge conductor confectioner conservationist "
    "constable consultant contractor controller coo cook coordinator copywriter coroner "
    "correspondent councillor counsellor counselor courier cpo craftsman cto curator dancer dean "
    "decorator dentist dermatologist designer detective developer dietician dietitian diplomat "
    "director dishwasher dispatcher diver dj doctor doorman draughtsman dressmaker driver drummer "
    "ecologist economist editor educator electrician employee engineer engraver entomologist "
    "entrepreneur epidemiologist estate-agent estimator examiner executive fabricator facilitator "
    "farmer farrier filmmaker firefighter fisherman fishmonger fitter florist forester founder "
    "freelancer fundraiser furrier gamekeeper gardener geneticist geographer geologist "
    "geophysicist glassblower glazier goldsmith governess grader graphic-designer greengrocer "
    "grocer groomer groundskeeper guard guide guitarist gynaecologist gynecologist hairdresser "
    "handyman headmaster headmistress headteacher historian homemaker housekeeper housewife "
    "hydrologist hygienist illustrator immunologist inspector instructor intern interpreter "
    "inventor investigator investor ironmonger janitor jeweler jeweller jockey joiner journalist "
    "judge kindergarten-teacher laborer labourer landscaper lawyer lead lecturer librarian "
    "lifeguard linguist locksmith logistician lumberjack machinist magician magistrate maid "
    "manager manicurist marketer mason masseur masseuse mathematician mayor mechanic merchandiser "
    "merchant meteorologist microbiologist midwife milliner miner minister model monk musician "
    "nanny naturalist neurologist neuroscientist neurosurgeon notary novelist nun nurse "
    "nutritionist obstetrician oceanographer officer oncologist operative operator ophthalmologist "
    "optician optometrist orthodontist osteopath paediatrician painter paleontologist panel-beater "
    "paralegal paramedic pastor pathologist pediatrician pensioner percussionist perfumer "
    "pharmacist pharmacologist philosopher photographer photojournalist physician physicist physio "
    "physiotherapist pianist pilot planner plasterer playwright plumber podcaster podiatrist poet "
    "policeman policewoman politician porter postdoc postman postwoman potter practitioner "
    "president priest principal printer probation-officer producer professor programmer "
    "proofreader prosecutor psychiatrist psychologist psychotherapist publicist publisher "
    "puppeteer rabbi radiographer radiologist radiotherapist rancher ranger realtor receptionist "
    "recruiter referee registrar reporter representative researcher restaurateur retiree reviewer "
    "rheumatologist roofer sailor salesman salesperson saleswoman sampler scaffolder scholar "
    "scientist scout screenwriter scriptwriter sculptor seamstress secretary senator sergeant "
    "server shepherd shipwright shoemaker shop-owner shopkeeper signwriter silversmith singer "
    "sociologist soldier solicitor sommelier songwriter sonographer soprano specialist "
    "statistician steward stewardess stockbroker stonemason storekeeper storyteller strategist "
    "student stylist superintendent supervisor surgeon surveyor tailor tattooist teacher "
    "technician technologist telemarketer teller tester therapist tiler toolmaker toxicologist "
    "trader trainee trainer translator treasurer trucker tutor typist umpire undergraduate "
    "undertaker upholsterer urologist valuer vet veterinarian vicar videographer vintner violinist "
    "virologist volunteer vp waiter waitress warden watchmaker weaver webmaster welder wholesaler "
    "winemaker woodworker worker writer zookeeper zoologist"
)
"""The last words of occupations."""

# --- tastes, health, things -----------------------------------------------------------------------

PLAYED = words(
    "accordion badminton bagpipes banjo baseball basketball bass bassoon billiards bowls bridge "
    "cello chess clarinet clarinets cricket croquet curling darts didgeridoo dominoes double_bass "
    "drums fiddle floorball flute football futsal golf guitar guitars harmonica harp hockey horn "
    "hurling keyboard keyboards lacrosse lute mahjong mandolin netball oboe organ padel percussion "
    "piano pickleball pool poker polo quidditch recorder rounders rugby saxophone sax scrabble "
    "shogi sitar snooker soccer softball squash tabla tennis trombone trumpet tuba ukulele viola "
    "violin volleyball xylophone zither"
)
CONDITIONS = words(
    "asthma epilepsy adhd add autism dyslexia dyspraxia diabetes type_1_diabetes type_2_diabetes "
    "celiac_disease coeliac_disease crohn's_disease crohn's colitis ibs migraines "
    "chronic_migraines eczema psoriasis arthritis rheumatoid_arthritis osteoarthritis osteoporosis "
    "hypertension high_blood_pressure low_blood_pressure high_cholesterol hypothyroidism "
    "hyperthyroidism anaemia anemia depression anxiety bipolar_disorder ocd ptsd insomnia "
    "sleep_apnoea sleep_apnea narcolepsy tinnitus vertigo scoliosis sciatica endometriosis pcos "
    "hay_fever multiple_sclerosis ms parkinson's_disease parkinson's lupus fibromyalgia gout "
    "glaucoma cataracts rosacea copd cystic_fibrosis sickle_cell_anaemia sickle_cell_disease "
    "haemophilia hemophilia long_covid chronic_fatigue_syndrome raynaud's dyscalculia tourette's "
    "acid_reflux kidney_disease lactose_intolerance gluten_intolerance a_heart_condition cancer"
)
DIETS = words(
    "vegetarian vegan pescatarian pescetarian flexitarian gluten-free gluten_free dairy-free "
    "dairy_free lactose-free keto ketogenic paleo low-carb low-fat low-sodium low-sugar halal "
    "kosher mediterranean plant-based raw_food fruitarian"
)
OWNABLE = words(
    "car van truck lorry motorbike motorcycle moped scooter bike bicycle e-bike ebike boat "
    "sailboat canoe kayak caravan motorhome campervan camper tractor piano guitar violin cello "
    "drum_kit keyboard saxophone ukulele banjo flute trumpet laptop computer pc desktop tablet "
    "smartphone smartwatch printer 3d_printer camera telescope drone turntable sewing_machine "
    "greenhouse allotment house flat apartment cottage cabin telly tv television projector "
    "treadmill rowing_machine surfboard snowboard skateboard tent hatchback convertible suv "
    "pickup_truck"
)
