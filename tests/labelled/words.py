"""Names and texts of the labelled set; all invented."""
FIRST = (
    'Acme', 'Blue', 'Birch', 'Cedar', 'Delta', 'Ember', 'Fjord', 'Granite', 'Harbor', 'Iris',
    'Jasper', 'Kestrel', 'Lumen', 'Meadow', 'Nordic', 'Opal', 'Pioneer', 'Quartz', 'River', 'Summit',
    'Tundra', 'Umber', 'Vertex', 'Willow', 'Xenon', 'Yarrow', 'Zephyr', 'Alder', 'Bramble', 'Cobalt')
SECOND = (
    'Foods', 'Labs', 'Works', 'Trading', 'Logistics', 'Software', 'Textiles', 'Motors', 'Bakery', 'Consulting',
    'Energy', 'Systems', 'Furniture', 'Printing', 'Optics', 'Tools', 'Gardens', 'Media', 'Pharma', 'Plumbing',
    'Roofing', 'Security', 'Shipping', 'Studios', 'Supplies', 'Timber', 'Travel', 'Ventures', 'Wines', 'Yachts')
FORMS = (
    'GmbH', 'BV', 'SA', 'Ltd', 'AG', 'Srl', 'Oy', 'AS', 'Inc.', 'KG')
GREETINGS = (
    '', 'payment ', 'Rg. ', 'invoice ', 'Zahlung ', 'betaling factuur ',
    'your invoice ', 'FACTURE ', 'Überweisung ')
TAILS = (
    '', ' thank you', ' of last month', ' / 3121', ' regards', ' customer 88', ' v. 12.10.')
NOISE = (
    'MONTHLY FEE', 'INTEREST', 'ATM WITHDRAWAL {n}', 'CARD 4421 COFFEE CORNER', 'PARKING {n}',
    'SALARY 10/2026', 'INSURANCE POLICE {n}', 'DEPOSIT {n}', 'RENT OFFICE', 'TAX OFFICE VAT Q3')
RETURNS = (
    'CHARGEBACK {n}', 'returned debit {n}', 'RÜCKLASTSCHRIFT {n}', 'Retour {n}', 'unpaid {n}')
