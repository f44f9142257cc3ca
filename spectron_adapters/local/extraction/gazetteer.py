"""Places, employers and fields of work that are known without a capital letter.

Who types "i live in leeds" gives no sign that Leeds is a name; these lists do. Data only, in lower
case. Imports `word_lists`.
"""

from __future__ import annotations

from spectron_adapters.local.extraction.word_lists import COUNTRIES, words

__all__ = ["EMPLOYERS", "FIELDS", "PLACES", "STATES"]

STATES = (
    "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia"
    "|hawaii|idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts"
    "|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada|new hampshire|new jersey"
    "|new mexico|new york|north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania"
    "|rhode island|south carolina|south dakota|tennessee|texas|utah|vermont|virginia|washington"
    "|west virginia|wisconsin|wyoming|ontario|quebec|british columbia|alberta|manitoba"
    "|saskatchewan|nova scotia|new brunswick|victoria|queensland|tasmania|new south wales|kent"
    "|essex|surrey|devon|cornwall|yorkshire|bavaria|saxony|tuscany|sicily|catalonia|andalusia"
    "|brittany|normandy|punjab|kerala|gujarat|bengal"
)
"""Parts of countries that follow the name of a town, as alternatives of a regular expression."""

_CITIES = words(
    "aachen aarhus aberdeen abidjan abuja accra adelaide addis_ababa ahmedabad aleppo alexandria "
    "algiers alicante almaty amman amsterdam anchorage ankara annecy antalya antwerp asheville "
    "asuncion athens atlanta auckland augsburg austin baghdad baku baltimore bamako bandung "
    "bangalore bangkok barcelona basel beijing beirut belfast belgrade belo_horizonte bengaluru "
    "bergen berlin bern bilbao birmingham bogota bogotá bologna bonn bordeaux boston boulder "
    "bournemouth bradford brasilia bratislava bremen brighton brisbane bristol brno brooklyn "
    "bruges brussels bucharest budapest buenos_aires buffalo bursa busan cairo calgary cali "
    "cambridge canberra cape_town caracas cardiff casablanca cebu charlotte chengdu chennai "
    "chicago chittagong christchurch cincinnati cleveland cluj cologne colombo columbus copenhagen "
    "cordoba cork coventry cracow curitiba dakar dallas damascus dar_es_salaam davao delft delhi "
    "denver derby detroit dhaka doha dortmund douala dresden dubai dublin dundee durban durham "
    "dusseldorf düsseldorf ecuador edinburgh edmonton eindhoven enugu essen exeter faro florence "
    "fortaleza frankfurt freiburg fukuoka galway gdansk gdańsk geneva genoa ghent glasgow "
    "gothenburg göteborg granada graz grenoble groningen guadalajara guangzhou guatemala_city "
    "guayaquil haarlem haifa halifax hamburg hangzhou hanoi hanover harare havana heidelberg "
    "helsinki hiroshima ho_chi_minh_city hobart hong_kong honolulu houston hull hyderabad ibadan "
    "incheon indianapolis innsbruck istanbul izmir jaipur jakarta jeddah jena jerusalem "
    "johannesburg kabul kampala kano kansas_city kaohsiung karachi kathmandu katowice khartoum "
    "kiev kigali kingston kinshasa kobe kolkata krakow kraków kuala_lumpur kumasi kyiv kyoto "
    "la_paz lagos lahore las_vegas lausanne leeds leicester leiden leipzig leuven lille lima "
    "limerick lincoln linz lisbon liverpool ljubljana lodz london los_angeles louisville luanda "
    "lucknow lund lusaka luxembourg lyon lviv maastricht madison madrid malaga málaga malmo malmö "
    "managua manchester manila mannheim maputo marrakech marseille mecca medellin medellín "
    "melbourne memphis mexico_city miami milan milwaukee minneapolis minsk mombasa monterrey "
    "montevideo montpellier montreal moscow mumbai munich münster nagoya nairobi nantes naples "
    "nashville new_delhi new_orleans new_york newcastle nice norwich nottingham nuremberg oakland "
    "odessa oklahoma_city omaha oporto orlando osaka oslo ottawa oulu oxford palermo palo_alto "
    "panama_city paris perth philadelphia phnom_penh phoenix pisa pittsburgh plymouth porto "
    "portland porto_alegre portsmouth prague pretoria pune quebec_city quito rabat raleigh reading "
    "recife reykjavik reykjavík riga rio rio_de_janeiro riyadh rome rosario rotterdam rouen "
    "sacramento salt_lake_city salvador salzburg san_antonio san_diego san_francisco san_jose "
    "san_juan santiago santo_domingo sao_paulo são_paulo sapporo sarajevo seattle seoul seville "
    "shanghai sheffield shenzhen singapore skopje sofia southampton split st_louis stavanger "
    "stockholm strasbourg stuttgart surabaya swansea sydney taipei tallinn tampa tampere tangier "
    "tartu tbilisi tehran tel_aviv the_hague thessaloniki tijuana tirana tokyo toronto toulouse "
    "trieste tripoli trondheim tucson tunis turin turku ulm uppsala utrecht valencia valletta "
    "valparaiso vancouver venice verona vienna vilnius warsaw wellington winnipeg wolverhampton "
    "wroclaw wrocław wuhan xian yangon yaounde yerevan yokohama york zagreb zaragoza zurich zürich"
)
_AREAS = words(
    "east_london west_london north_london south_london manhattan queens the_bronx the_uk the_us "
    "the_usa uk us usa nyc la sf dc scotland england wales europe asia africa south_america "
    "north_america the_netherlands the_philippines the_czech_republic"
)
PLACES = _CITIES | _AREAS | frozenset(COUNTRIES.split("|")) | frozenset(STATES.split("|"))

EMPLOYERS = words(
    "accenture adidas adobe airbnb airbus aldi allianz amazon amd apple asda astrazeneca audi axa "
    "bayer bbc bmw boeing bosch burger_king capgemini carrefour cern cisco citibank coca-cola "
    "costco deloitte dell dhl disney ericsson facebook fedex fiat ford gm goldman_sachs google h&m "
    "hilton honda hp hsbc huawei ibm ikea infosys ing intel jpmorgan kfc kpmg l'oreal lidl "
    "linkedin lockheed lufthansa marriott mcdonald's mcdonalds mckinsey mercedes meta microsoft "
    "morrisons nasa nestle netflix nhs nike nintendo nokia novartis nvidia oracle oxfam paypal "
    "pepsi pfizer philips porsche pwc renault roche rolls-royce ryanair sainsbury's salesforce "
    "samsung sap shell shopify siemens sky sony spacex spotify starbucks stripe subway target tcs "
    "telefonica tesco tesla thales toyota twitter uber unicef unilever ups usps verizon vodafone "
    "volkswagen volvo walmart wells_fargo wipro zalando the_bbc the_nhs acme acme_corp"
)
"""Organisations that people work for."""

FIELDS = words(
    "accounting administration advertising aerospace agriculture ai analytics animation "
    "archaeology architecture arts automation automotive aviation banking biotech broadcasting "
    "catering charity childcare cinema communications compliance computing conservation "
    "construction consulting cybersecurity data dentistry design development e-commerce ecommerce "
    "economics education electronics energy engineering entertainment events fashion film finance "
    "fintech fisheries food forestry fundraising gaming games government graphics healthcare "
    "horticulture hospitality housing hr immigration insurance it journalism justice law lending "
    "logistics management manufacturing marketing media medicine metallurgy military mining music "
    "neuroscience nursing nutrition operations optics packaging payroll pharma pharmaceuticals "
    "photography physics plumbing policing politics pr procurement property psychiatry psychology "
    "publishing purchasing radio railways recruitment rehabilitation research restaurants retail "
    "robotics sales sanitation science sciences security semiconductors service services shipping "
    "software sports statistics steel sustainability tech technology telecom telecommunications "
    "telecoms television textiles theatre theater tourism trading training translation transport "
    "transportation travel tv utilities warehousing welfare wholesale work estate gas oil health"
)
"""The last words of what people "work in": "real estate", "social work"."""
